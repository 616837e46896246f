// Residuals of one series, reading side of series-encoder.ts (firmware/SPEC.md §6).
import { GodwitError } from "../error.ts";
import {
  CACHE_MODE,
  CHANGES_MAX,
  ESCAPE,
  FAR_CHANGES,
  MEAN_BITS,
  MISS,
  PLAIN,
  REST,
  SERIES_BITS,
  T_CACHE,
  T_CACHE_FAR,
  T_ESCAPE,
  TAIL_BITS,
  ZERO,
} from "./layout.ts";
import { STAY } from "./model.ts";
import type { RangeDecoder } from "./range-decoder.ts";
import { escapedState, Scale, START_STATE } from "./scale.ts";

const STEP = PLAIN + 1;
const X_MAX = 2 ** SERIES_BITS;
const X_MAX_MEAN = 2 ** MEAN_BITS;
/** Largest residual: a value against twice another less a third. */
const RESIDUAL_MAX = 4 * X_MAX;

export class SeriesDecoder {
  private readonly coder: RangeDecoder;
  private readonly scale = new Scale();
  private x: Int32Array = new Int32Array(1);
  private predictor = 0;
  private state = START_STATE;
  private mean = 0;

  constructor(coder: RangeDecoder) {
    this.coder = coder;
  }

  /** Fills `x[0..count)`. */
  read(x: Int32Array, count: number, plan: number): void {
    this.x = x;
    this.predictor = plan & 3;
    this.state = START_STATE;
    this.mean = 0;
    this.x[0] = 0;
    if (plan >= CACHE_MODE) this.readCached(count);
    else for (let i = 1; i < count; i++) x[i] = this.residual(i);
  }

  private readCached(count: number): void {
    const { coder, x } = this;
    const changes = new Int32Array(count);
    let change = 0;
    let last = 0;
    for (let i = 1; i < count; i++) {
      const symbol = coder.symbol(T_CACHE + last * STEP);
      if (symbol === REST) {
        this.accept(i, x[i - 1]!);
        last = last === 1 || last === 3 ? 3 : 1;
        continue;
      }
      if (symbol === MISS) {
        x[i] = this.residual(i);
        last = 0;
      } else {
        const ago = symbol <= FAR_CHANGES ? symbol - 1 : FAR_CHANGES + coder.symbol(T_CACHE_FAR);
        if (ago > change || ago > CHANGES_MAX)
          throw new GodwitError("malformed", `delta batch: no change ${ago} before value ${i}`);
        this.accept(i, changes[change - ago]!);
        last = 2;
      }
      changes[++change] = x[i]!;
    }
  }

  /** Value `i` without a residual. */
  private accept(i: number, value: number): void {
    this.x[i] = value;
    this.mean += (16 * value - this.mean) >> 2;
  }

  private residual(i: number): number {
    const { coder, x, scale } = this;
    const shift = scale.shifts[this.state]!;
    const before = x[i - 1]!;
    let prediction = before;
    if (this.predictor === 3) prediction = (this.mean + 8) >> 4;
    else if (this.predictor > 0) {
      const slope = i > 1 ? before - x[i - 2]! : 0;
      prediction += this.predictor === 1 ? slope : slope >> 1;
    }
    const symbol = coder.symbol(scale.zeros[this.state]! - ZERO - 1);
    const { move } = coder;
    let high = symbol - ZERO;
    if (symbol === ESCAPE) {
      const folded = coder.number(T_ESCAPE, 2 * RESIDUAL_MAX);
      high = folded & 1 ? -17 - (folded >> 1) : 16 + (folded >> 1);
    }
    let error = high * 2 ** shift;
    if (shift >= TAIL_BITS)
      error += coder.bits(shift - TAIL_BITS) * 2 ** TAIL_BITS + coder.takeTail();
    else if (shift > 0) error += coder.bits(shift);
    if (error > RESIDUAL_MAX || error < -RESIDUAL_MAX)
      throw new GodwitError(
        "malformed",
        `delta batch: residual ${i} of a series beyond its bounds`,
      );
    const value = prediction + error;
    const most = this.predictor === 3 ? X_MAX_MEAN : X_MAX;
    if (!(value <= most && value >= -most))
      throw new GodwitError("malformed", `delta batch: value ${i} of a series beyond its bounds`);
    if (symbol === ESCAPE) this.state = escapedState(error);
    else if (move > 0) this.state += move - STAY;
    this.mean += (16 * value - this.mean) >> 2;
    return value;
  }
}
