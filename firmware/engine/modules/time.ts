// Module "time" of the Moddable SDK: ticks and the wall clock.
import { call, now, setClock } from "./events.ts";
import { ops } from "./ops.ts";

const Time = {
  /** Milliseconds since power-on as a 32-bit integer: wraps, so compare with `delta`. */
  get ticks(): number {
    return now() | 0;
  },
  get microseconds(): number {
    return Math.floor(now() * 1000);
  },
  /** Sets the wall clock, Unix seconds. */
  set(seconds: number): void {
    const unixMs = Number(seconds) * 1000;
    if (!Number.isFinite(unixMs)) throw new RangeError("invalid time");
    setClock(unixMs);
    call(ops.timeSet, new Float64Array([unixMs]).buffer);
  },
  delta(start: number, end?: number): number {
    return ((end ?? Time.ticks) - start) | 0;
  },
  /** Seconds; the simulated board lives in UTC. */
  timezone: 0,
  dst: 0,
};

export default Time;
