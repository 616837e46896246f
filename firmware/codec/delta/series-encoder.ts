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
const ESCAPE = RESIDUAL - 1;
/** Room in front of the most recent value, so that a new one seldom moves the others. */
const RECENT_ROOM = 3 * CACHE_SIZE;
const clz = Math.clz32;

/** Takes symbols: the range coder, or whoever counts their cost. */
export interface SymbolSink {
  symbol(base: number, symbol: number): void;
  raw(value: number, count: number): void;
  bits(value: number, count: number): void;
  number(base: number, value: number): void;
}

// Residual tables by scale, as distances from the first: three by history for each of the four smallest
// half octaves of the mean, one for each of the next two, then one pair for small and one for large scales.
const TWO = 2 * RESIDUAL_STEP;
export const ONE_SCALE = 3 * RESIDUAL_STEP;
export const TWO_SCALES = 6 * RESIDUAL_STEP;
export const THREE_SCALES = 9 * RESIDUAL_STEP;
export const FOUR_SCALES = 12 * RESIDUAL_STEP;
export const FIVE_SCALES = 13 * RESIDUAL_STEP;
export const NEAR = 14 * RESIDUAL_STEP;
export const FAR = 16 * RESIDUAL_STEP;

// Hot code: an interpreter pays for every property, call and array access, so state lives in locals
// and is written back once per slice.
export class SeriesEncoder {
  private readonly coder: SymbolSink;
  protected x: Int32Array = new Int32Array(1);
  private hold: Int32Array | undefined;
  private count = 0;
  protected base = 0;
  protected predictor = 0;
  private isCached = false;
  private next = 0;
  protected average = 16;
  protected previous = 0;
  private mean = 0;
  private lastHit = 0;
  private head = RECENT_ROOM;
  private readonly recent = new Int32Array(RECENT_ROOM + CACHE_SIZE);
  /** Value last seen by hash: tells most new values without searching. */
  private readonly seen = new Int32Array(128);

  constructor(coder: SymbolSink) {
    this.coder = coder;
  }

  /** Starts a series of `count` values whose first one (zero) is known. */
  start(x: Int32Array, count: number, base: number, plan: number, hold?: Int32Array): void {
    this.x = x;
    this.count = count;
    this.base = base;
    this.predictor = plan & 3;
    this.isCached = plan >= CACHE_MODE;
    this.hold = plan >= HOLD_MODE ? hold : undefined;
    this.next = 1;
    this.average = 16;
    this.previous = 0;
    this.mean = 0;
    this.lastHit = 0;
    if (this.isCached) {
      this.recent.fill(EMPTY);
      this.seen.fill(EMPTY);
      this.head = RECENT_ROOM;
      this.recent[RECENT_ROOM] = 0;
      this.seen[0] = 0;
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
    if (this.isCached) this.cached(end);
    else this.residuals(this.next, end);
    this.next = end;
    return end === this.count;
  }

  private cached(end: number): void {
    const { coder, hold, recent, seen, x } = this;
    const isMean = this.predictor === 3;
    let last = this.lastHit;
    let head = this.head;
    let before = x[this.next - 1]!;
    for (let i = this.next; i < end; i++) {
      const value = x[i]!;
      const table = T_CACHE + STEP * (hold ? last + (hold[i] === hold[i - 1] ? 4 : 8) : last);
      if (value === before) {
        coder.symbol(table, 1);
        last = last === 1 || last === 3 ? 3 : 1;
        if (isMean) this.follow(value, i);
        continue;
      }
      before = value;
      const hash = (value + (value >> 7)) & 127;
      const index = seen[hash] === value ? recent.indexOf(value, head) - head : -1;
      if (index < 0 || index >= CACHE_SIZE) {
        coder.symbol(table, 0);
        this.residuals(i, i + 1);
        seen[hash] = value;
        if (head === 0) {
          recent.copyWithin(RECENT_ROOM, 0, CACHE_SIZE);
          head = RECENT_ROOM;
        }
        head--;
        last = 0;
      } else {
        if (index < 14) coder.symbol(table, index + 1);
        else {
          coder.symbol(table, 15);
          coder.symbol(T_CACHE_FAR, index - 14);
        }
        recent.copyWithin(head + 1, head, head + index);
        last = 2;
        if (isMean) this.follow(value, i);
      }
      recent[head] = value;
    }
    this.lastHit = last;
    this.head = head;
  }

  /** Prediction by the running mean (in sixteenths, of the first values and then the last eight), which `value` joins. */
  protected follow(value: number, i: number): number {
    const prediction = (this.mean + 8) >> 4;
    this.mean += ((16 * value - this.mean) / (i < 7 ? i + 1 : 8)) | 0;
    return prediction;
  }

  protected residuals(from: number, to: number): void {
    const { base, coder, predictor, x } = this;
    let average = this.average;
    let previous = this.previous;
    let before = x[from - 1]!;
    let slope = from > 1 ? before - x[from - 2]! : 0;
    for (let i = from; i < to; i++) {
      const value = x[i]!;
      let error = value - before;
      if (predictor === 3) {
        error = value - this.follow(value, i);
      } else if (predictor !== 0) {
        const step = error;
        error -= predictor === 1 ? slope : slope >> 1;
        slope = step;
      }
      before = value;
      let table = base;
      let shift = 0;
      if (average < 4) {
        if (average > 0) table += RESIDUAL_STEP;
      } else if (average < 32) {
        table += average < 12 ? ONE_SCALE : average < 24 ? TWO_SCALES : THREE_SCALES;
        if (previous !== 0) table += previous === 1 ? RESIDUAL_STEP : TWO;
      } else if (average < 64) table += average < 48 ? FOUR_SCALES : FIVE_SCALES;
      else {
        shift = 26 - clz(average);
        table += average < 1024 ? NEAR : FAR;
        if ((average >> (shift + 4)) & 1) table += RESIDUAL_STEP;
      }
      const high = error >> shift;
      const folded = (high << 1) ^ (high >> 31);
      if (folded < ESCAPE) coder.symbol(table, folded);
      else {
        coder.symbol(table, ESCAPE);
        coder.number(T_ESCAPE, folded - ESCAPE);
      }
      if (shift > 0) coder.bits(error & ((1 << shift) - 1), shift);
      previous = error < 0 ? -error : error;
      average += (16 * previous - average) >> 2;
    }
    this.average = average;
    this.previous = previous;
  }
}
