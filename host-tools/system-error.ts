// Errors of the operating system (no such folder, no permission, disk full) told as errors people can act on.

/** Runs `work`; what the system refuses is thrown as what `explain` makes of it, anything else as it is. */
export function explainingSystem<T>(work: () => T, explain: (cause: Error) => Error): T {
  try {
    return work();
  } catch (cause) {
    if (!(cause instanceof Error) || !("syscall" in cause)) throw cause;
    throw explain(cause);
  }
}
