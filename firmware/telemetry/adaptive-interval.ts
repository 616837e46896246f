/** Adaptive sampling: faster while the signal moves, slower while it rests. */
import { GodwitError } from "../codec/error.ts";

export interface AdaptiveIntervalOptions {
  readonly minMs: number;
  readonly maxMs: number;
  /** Change from one sample to the next that counts as moving, in the channel's unit. */
  readonly step: number;
}

export class AdaptiveInterval {
  /** Time until the next sample. */
  intervalMs: number;
  private readonly options: AdaptiveIntervalOptions;
  private last = Number.NaN;

  /** @throws GodwitError `argument` unless 0 < minMs <= maxMs and step > 0 */
  constructor(options: AdaptiveIntervalOptions) {
    const { minMs, maxMs, step } = options;
    if (!(minMs > 0 && maxMs >= minMs && maxMs < Infinity)) {
      throw new GodwitError("argument", `adaptive interval: ${minMs} to ${maxMs} ms is impossible`);
    }
    if (!(step > 0))
      throw new GodwitError("argument", `adaptive interval: step ${step}, not above 0`);
    this.options = options;
    this.intervalMs = minMs;
  }

  /**
   * The interval after `value`: as short as possible at once when it moved by a step or more, half as long when by
   * half a step or more, a quarter longer else. NaN (no reading) changes nothing.
   */
  next(value: number): number {
    const { minMs, maxMs, step } = this.options;
    if (Number.isNaN(value)) return this.intervalMs;
    const moved = Math.abs(value - this.last);
    this.last = value;
    if (moved >= step) this.intervalMs = minMs;
    else if (moved >= step / 2) this.intervalMs = Math.max(minMs, Math.round(this.intervalMs / 2));
    else if (moved >= 0) this.intervalMs = Math.min(maxMs, Math.ceil(this.intervalMs * 1.25));
    return this.intervalMs;
  }
}
