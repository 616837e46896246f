// Time as the serial rooms see it: real on a bench, virtual in tests.

export interface HostClock {
  /** Monotonic milliseconds. */
  nowMs(): number;
  /** Calls `callback` once after `delayMs` (>= 0). Returns a function that cancels the call. */
  after(delayMs: number, callback: () => void): () => void;
}

export const realClock: HostClock = {
  nowMs: () => performance.now(),
  after(delayMs, callback) {
    if (delayMs < 1) {
      // A timer would take a whole millisecond: longer than a reply takes on the wire.
      const immediate = setImmediate(callback);
      return () => clearImmediate(immediate);
    }
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

export function sleep(clock: HostClock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(delayMs, resolve);
  });
}
