/** Time on a device: a monotonic clock that never jumps, and a wall clock that may be unknown. */
export interface Clock {
  /** Milliseconds since boot. Monotonic, never wraps (platforms unwrap 32-bit tick counters). */
  ticksMs(): number;
  /** Unix time in milliseconds, or undefined while no trustworthy source has set it. */
  wallMs(): number | undefined;
  /** Sets the wall clock (Unix milliseconds); the monotonic clock is not affected. */
  setWallMs(unixMs: number): void;
}
