/** A source of wall-clock time that can be asked (SNTP on boards). */
export interface TimeSource {
  /** Calls `done` once, not before `request` has returned: Unix milliseconds, or undefined if nobody answered. */
  request(done: (unixMs: number | undefined) => void): void;
}
