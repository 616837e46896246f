// Errors that are not our bug, and the exit codes a script can act on.

/** Exit codes by cause; stable, documented in host-tools/cli/README.md. */
export const exitCodes = {
  ok: 0,
  /** An assertion or a test failed. */
  failed: 1,
  /** Wrong usage or configuration. */
  usage: 2,
  /** No device, or more than one fits. */
  noDevice: 3,
  /** A device or its bootloader does not answer. */
  unreachable: 4,
  /** What was written to flash is not what was read back. */
  verification: 5,
  timeout: 6,
  /** Bench or infrastructure. */
  bench: 7,
  /** The cloud or the hub refused. */
  hub: 8,
  /** A size, memory or cost budget is exceeded. */
  budget: 9,
  /** Our own bug. */
  bug: 70,
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export interface UserErrorOptions {
  /** One command or action that most likely helps; shown as "try: …". */
  readonly hint?: string;
  /** Cause by exit code; `usage` (2) when absent. */
  readonly exitCode?: ExitCode;
  /** Short stable name for scripts, for example `port-in-use`. */
  readonly code?: string;
  readonly cause?: unknown;
}

/** Something the user can put right: shown as message and hint, without a stack. */
export class UserError extends Error {
  override readonly name = "UserError";
  readonly code: string;
  readonly exitCode: ExitCode;
  readonly hint: string | undefined;

  constructor(message: string, options: UserErrorOptions = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.code = options.code ?? "usage";
    this.exitCode = options.exitCode ?? exitCodes.usage;
    this.hint = options.hint;
  }
}

export function isInterruption(error: unknown): boolean {
  return error instanceof UserError && error.exitCode === exitCodes.interrupted;
}

/** How the first Ctrl-C ends a command: `state` says what was done by then. */
export function interrupted(state: string, hint = "run the same command again"): UserError {
  const { interrupted: exitCode } = exitCodes;
  return new UserError(`interrupted: ${state}`, { code: "interrupted", exitCode, hint });
}
