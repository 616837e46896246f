/** A started timer; opaque to everybody but the platform that made it. */
export type TimerHandle = object;

/** One-shot timers on the monotonic clock. Callbacks run on the event loop, never re-entrantly. */
export interface Timers {
  /** Calls `callback` once, `delayMs` (>= 0) from now. */
  start(delayMs: number, callback: () => void): TimerHandle;
  /** Stops a timer; stopping one that has fired or was stopped already does nothing. */
  stop(handle: TimerHandle): void;
}
