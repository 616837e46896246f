/** Port Clock over the SDK's `time`: ticks unwrapped from 32 bits, wall clock only above a floor. */
import Time from "time";
import type { Clock } from "../../ports/clock.ts";

export class XsClock implements Clock {
  private readonly floorMs: number;
  private lastTicks = Time.ticks;
  private elapsedMs = 0;

  constructor(floorMs: number) {
    this.floorMs = floorMs;
  }

  /** Must be called at least every 24 days to see each wrap; every timer of a connected device does. */
  ticksMs(): number {
    const ticks = Time.ticks;
    // A step back (some targets derive ticks from a clock that is set) counts as no time at all.
    this.elapsedMs += Math.max(0, (ticks - this.lastTicks) | 0);
    this.lastTicks = ticks;
    return this.elapsedMs;
  }

  /** A board without a battery starts in 1970; below the floor nobody has set the clock. */
  wallMs(): number | undefined {
    const nowMs = Date.now();
    return nowMs >= this.floorMs ? nowMs : undefined;
  }

  /** Whole seconds, rounded up: a clock set to its floor must not stand below it. */
  setWallMs(unixMs: number): void {
    Time.set(Math.ceil(unixMs / 1000));
  }
}
