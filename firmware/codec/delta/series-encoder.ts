// Residuals of one series, written in slices (firmware/SPEC.md §6): predictor, cache of recent values, scale.
import {
  CACHE_MODE,
  CACHE_SIZE,
  HOLD_MODE,
  PLAIN,
  RESIDUAL,
  RESIDUAL_STEP,
  T_CACHE,
  T_CACHE_FAR,
  T_ESCAPE,
} from "./layout.ts";

const EMPTY = 0x7fffffff;
const STEP = PLAIN + 1;
const clz = Math.clz32;

/** Takes symbols: the range coder, or whoever counts their cost. */
export interface SymbolSink {
  symbol(base: number, symbol: number): void;
  raw(value: number, count: number): void;
  bits(value: number, count: number): void;
  number(base: number, value: number): void;
}

/** Scale of residuals from sixteen times their running mean: half octaves, 0 to 2 for the smallest. */
export function bucketOf(average: number): number {
  if (average < 24) return average < 4 ? 0 : average < 12 ? 1 : 2;
  const length = 31 - clz(average);
  return 2 * length - 6 + ((average >> (length - 1)) & 1);
}

export class SeriesEncoder {
  private readonly coder: SymbolSink;
  private x: Int32Array = new Int32Array(1);
  private count = 0;
  private base = 0;
  private predictor = 0;
  private mode = 0;
  private hold: Int32Array | undefined;
  private next = 0;
  private average = 16;
  private previous = 0;
  private mean = 0;
  private lastHit = 0;
  private readonly recent = new Int32Array(CACHE_SIZE);

  constructor(coder: SymbolSink) {
    this.coder = coder;
  }

  /** Starts a series of `count` values whose first one (zero) is known. */
  start(x: Int32Array, count: number, base: number, plan: number, hold?: Int32Array): void {
    this.x = x;
    this.count = count;
    this.base = base;
    this.predictor = plan & 3;
    this.mode = plan & 12;
    this.hold = this.mode === HOLD_MODE ? hold : undefined;
    this.next = 1;
    this.average = 16;
    this.previous = 0;
    this.mean = 0;
    this.lastHit = 0;
    if (this.mode >= CACHE_MODE) {
      this.recent.fill(EMPTY);
      this.recent[0] = 0;
    }
  }

  /** Goes on at value `i`, as if the values before had been coded without surprises. */
  skipTo(i: number): void {
    this.next = i;
    this.mean = 16 * this.x[i - 1]!;
  }

  /** Codes up to `budget` values; true when the series is complete. */
  run(budget: number): boolean {
    const end = Math.min(this.count, this.next + budget);
    if (this.mode >= CACHE_MODE) this.runCached(end);
    else for (let i = this.next; i < end; i++) this.residual(i);
    this.next = end;
    return end === this.count;
  }

  private runCached(end: number): void {
    const { coder, hold, recent, x } = this;
    let last = this.lastHit;
    for (let i = this.next; i < end; i++) {
      const value = x[i]!;
      let table = T_CACHE + last * STEP;
      if (hold) table += hold[i] === hold[i - 1] ? 3 * STEP : 6 * STEP;
      const index = recent.indexOf(value);
      if (index < 0) {
        coder.symbol(table, 0);
        this.residual(i);
        recent.copyWithin(1, 0, CACHE_SIZE - 1);
        recent[0] = value;
        last = 0;
      } else {
        if (index < 14) coder.symbol(table, index + 1);
        else {
          coder.symbol(table, 15);
          coder.symbol(T_CACHE_FAR, index - 14);
        }
        if (this.predictor === 3) this.follow(value, i);
        if (index > 0) {
          recent.copyWithin(1, 0, index);
          recent[0] = value;
        }
        last = index === 0 ? 1 : 2;
      }
    }
    this.lastHit = last;
  }

  /** Running mean in sixteenths, over the first values and then the last eight. */
  private follow(value: number, i: number): void {
    this.mean += ((16 * value - this.mean) / (i < 7 ? i + 1 : 8)) | 0;
  }

  private residual(i: number): void {
    const x = this.x;
    const value = x[i]!;
    const before = x[i - 1]!;
    let error: number;
    if (this.predictor === 0) error = value - before;
    else if (this.predictor === 3) {
      error = value - ((this.mean + 8) >> 4);
      this.follow(value, i);
    } else {
      const slope = i > 1 ? before - x[i - 2]! : 0;
      error = value - before - (this.predictor === 1 ? slope : slope >> 1);
    }
    const average = this.average;
    const bucket = average < 24 ? (average < 4 ? 0 : average < 12 ? 1 : 2) : bucketOf(average);
    const size = error < 0 ? -error : error;
    let table = this.base;
    let shift = 0;
    if (bucket < 4) {
      // biome-ignore lint/complexity/useMathMinMax: a call costs an interpreter five times as much
      const history = this.previous > 2 ? 2 : this.previous;
      table += (bucket * 3 + history) * RESIDUAL_STEP;
    } else if (bucket < 6) table += (bucket + 8) * RESIDUAL_STEP;
    else {
      shift = (bucket >> 1) - 2;
      table += ((bucket & 1) + (bucket < 14 ? 14 : 16)) * RESIDUAL_STEP;
    }
    const high = error >> shift;
    const folded = (high << 1) ^ (high >> 31);
    if (folded < RESIDUAL - 1) this.coder.symbol(table, folded);
    else {
      this.coder.symbol(table, RESIDUAL - 1);
      this.coder.number(T_ESCAPE, folded - RESIDUAL + 1);
    }
    if (shift > 0) {
      if (shift > 12) this.coder.bits(error & ((1 << shift) - 1), shift);
      else this.coder.raw(error & ((1 << shift) - 1), shift);
    }
    this.previous = size;
    this.average = average + ((16 * size - average) >> 2);
  }
}
