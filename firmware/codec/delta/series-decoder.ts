// Residuals of one series, reading side of series-encoder.ts (firmware/SPEC.md §6).
import { GodwitError } from "../error.ts";
import {
  CACHE_MODE,
  CACHE_SIZE,
  HOLD_MODE,
  PLAIN,
  RESIDUAL,
  RESIDUAL_STEP,
  SERIES_BITS,
  T_CACHE,
  T_CACHE_FAR,
  T_ESCAPE,
} from "./layout.ts";
import type { RangeDecoder } from "./range-decoder.ts";

const STEP = PLAIN + 1;
const X_MAX = 2 ** SERIES_BITS;

/** Scale of residuals from sixteen times their running mean: half octaves, 0 to 2 for the smallest. */
function bucketOf(average: number): number {
  if (average < 24) return average < 4 ? 0 : average < 12 ? 1 : 2;
  const length = 31 - Math.clz32(average);
  return 2 * length - 6 + ((average >> (length - 1)) & 1);
}

export class SeriesDecoder {
  private readonly coder: RangeDecoder;
  private x: Int32Array = new Int32Array(1);
  private predictor = 0;
  private base = 0;
  private average = 16;
  private previous = 0;
  private mean = 0;

  constructor(coder: RangeDecoder) {
    this.coder = coder;
  }

  /** Fills `x[0..count)`. */
  read(x: Int32Array, count: number, base: number, plan: number, hold?: Int32Array): void {
    this.x = x;
    this.predictor = plan & 3;
    this.base = base;
    this.average = 16;
    this.previous = 0;
    this.mean = 0;
    this.x[0] = 0;
    const mode = plan & 12;
    if (mode >= CACHE_MODE) this.readCached(count, mode === HOLD_MODE ? hold : undefined);
    else for (let i = 1; i < count; i++) this.x[i] = this.residual(i);
  }

  private readCached(count: number, hold: Int32Array | undefined): void {
    const { coder, x } = this;
    const recent = new Int32Array(CACHE_SIZE);
    let filled = 1;
    let last = 0;
    for (let i = 1; i < count; i++) {
      let table = T_CACHE + last * STEP;
      if (hold) table += hold[i] === hold[i - 1] ? 4 * STEP : 8 * STEP;
      const symbol = coder.symbol(table);
      if (symbol === 0) {
        x[i] = this.residual(i);
        recent.copyWithin(1, 0, CACHE_SIZE - 1);
        if (filled < CACHE_SIZE) filled++;
        last = 0;
      } else {
        const index = symbol < 15 ? symbol - 1 : 14 + coder.symbol(T_CACHE_FAR);
        if (index >= filled)
          throw new GodwitError("malformed", `delta batch: no recent value ${index} at value ${i}`);
        x[i] = recent[index]!;
        if (this.predictor === 3) this.follow(x[i]!, i);
        recent.copyWithin(1, 0, index);
        last = index > 0 ? 2 : last === 1 || last === 3 ? 3 : 1;
      }
      recent[0] = x[i]!;
    }
  }

  private follow(value: number, i: number): void {
    this.mean += ((16 * value - this.mean) / (i < 7 ? i + 1 : 8)) | 0;
  }

  private residual(i: number): number {
    const { coder, x } = this;
    const before = x[i - 1]!;
    let prediction = before;
    if (this.predictor === 3) prediction = (this.mean + 8) >> 4;
    else if (this.predictor > 0) {
      const slope = i > 1 ? before - x[i - 2]! : 0;
      prediction += this.predictor === 1 ? slope : slope >> 1;
    }
    const bucket = bucketOf(this.average);
    let table = this.base;
    let shift = 0;
    if (bucket === 0) table += this.average > 0 ? RESIDUAL_STEP : 0;
    else if (bucket < 4) table += (bucket * 3 + Math.min(this.previous, 2)) * RESIDUAL_STEP;
    else if (bucket < 6) table += (bucket + 8) * RESIDUAL_STEP;
    else {
      shift = (bucket >> 1) - 2;
      table += ((bucket & 1) + (bucket < 14 ? 14 : 16)) * RESIDUAL_STEP;
    }
    let folded = coder.symbol(table);
    if (folded === RESIDUAL - 1) folded += coder.number(T_ESCAPE, 4 * X_MAX * 2);
    const high = (folded >>> 1) ^ -(folded & 1);
    const error = shift > 0 ? high * 2 ** shift + coder.bits(shift) : high;
    const value = prediction + error;
    if (!(value <= X_MAX && value >= -X_MAX))
      throw new GodwitError("malformed", `delta batch: value ${i} of a series beyond its bounds`);
    const size = error < 0 ? -error : error;
    this.previous = size;
    this.average += (16 * size - this.average) >> 2;
    if (this.predictor === 3) this.follow(value, i);
    return value;
  }
}
