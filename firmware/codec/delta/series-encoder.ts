// Residuals of one series, written in slices (firmware/SPEC.md §6): predictor, changes seen before, scale.
import {
  CACHE_MODE,
  CHANGES_MAX,
  ESCAPE,
  FAR_CHANGES,
  MISS,
  PLAIN,
  REST,
  T_CACHE,
  T_CACHE_FAR,
  T_ESCAPE,
  T_RESIDUAL,
  T_RESIDUAL_VALUE,
  ZERO,
} from "./layout.ts";
import { BLOCK, SHIFT } from "./model.ts";
import { BOTTOM, carry, type RangeEncoder, TOP } from "./range-encoder.ts";
import { escapedState, Scale, START_STATE } from "./scale.ts";
import type { Series } from "./series.ts";

const STEP = PLAIN + 1;
const AFTER_REST = T_CACHE + STEP;
const AFTER_CHANGE = T_CACHE + 2 * STEP;
const AFTER_RESTS = T_CACHE + 3 * STEP;
const FAR = FAR_CHANGES + 1;
/** Changes in the ring, a power of two above CHANGES_MAX; slots of the hash, another. */
const RING = 32;
const SLOTS = 64;

export class SeriesEncoder {
  private readonly coder: RangeEncoder;
  private readonly scale = new Scale();
  private readonly recent = new Int32Array(RING);
  /** Number of the change that last gave a value, by hash. */
  private readonly seen = new Int16Array(SLOTS);
  private x: Int32Array = this.recent;
  /** Position last coded, and the last of the series. */
  private at = 0;
  private end = 0;
  private base = 0;
  /** Tables of times and of values; the model's own numbers. */
  private readonly ofTimes: Uint16Array;
  private readonly ofValues: Uint16Array;
  private predictor = 0;
  private isCached = false;
  private state = START_STATE;
  private slope = 0;
  private mean = 0;
  private changes = 0;
  /** Table of the next CACHE symbol. */
  private last = T_CACHE;

  constructor(coder: RangeEncoder) {
    this.coder = coder;
    this.ofTimes = coder.model.subarray(T_RESIDUAL, T_RESIDUAL_VALUE);
    this.ofValues = coder.model.subarray(T_RESIDUAL_VALUE);
  }

  /** Starts a series whose first value is known. */
  start(series: Series, base: number, plan: number): void {
    const { x, from } = series;
    const first = x[from]!;
    this.x = x;
    this.at = from;
    this.end = from + series.count - 1;
    this.base = base;
    this.predictor = plan & 3;
    this.isCached = plan >= CACHE_MODE;
    this.state = START_STATE;
    this.slope = 0;
    this.mean = 16 * first;
    this.changes = 0;
    this.last = T_CACHE;
    if (this.isCached) {
      this.seen.fill(-RING);
      this.recent[0] = first;
      this.seen[(first + (first >> 6)) & (SLOTS - 1)] = 0;
    }
  }

  // An interpreter pays for every call, property and element: so state lives in locals, the range coder's
  // arithmetic stands in line, and the function is as long as that takes.
  /** Codes up to `budget` values; true when the series is complete. */
  // biome-ignore lint/complexity/noExcessiveLinesPerFunction: each call in this loop would cost more than the coding
  run(budget: number): boolean {
    const { base, coder, isCached, predictor, recent, seen, x } = this;
    const { moves, shifts, tables } = this.scale;
    const { adaptive, model, units } = coder;
    const residuals = base === T_RESIDUAL ? this.ofTimes : this.ofValues;
    const counts = adaptive?.counts;
    const isSpecial = predictor > 0 || isCached;
    const end = Math.min(this.end, this.at + budget);
    let { low, range } = coder;
    let out = coder.at;
    let { changes, last, mean, slope, state } = this;
    let i = this.at;
    let value = x[i]!;
    let step = 0;
    let error = 0;
    let zero = tables[state]!;
    let shift = shifts[state]!;
    let move = 0;
    let mask = (1 << shift) - 1;
    let table = 0;
    let symbol = 0;
    let slot = 0;
    let below = 0;
    let hash = 0;
    let change = 0;
    while (i < end) {
      error = x[++i]! - value;
      value += error;
      if (isSpecial) {
        step = error;
        if (predictor) {
          if (predictor === 3) {
            error = value - ((mean + 8) >> 4);
            mean += ((value << 4) - mean) >> 2;
          } else {
            error -= predictor === 1 ? slope : slope >> 1;
            slope = step;
          }
        }
        if (isCached) {
          table = last;
          if (step) {
            hash = (value + (value >> 6)) & (SLOTS - 1);
            change = seen[hash]!;
            symbol = MISS;
            last = T_CACHE;
            if (recent[change & (RING - 1)] === value && changes - change <= CHANGES_MAX) {
              symbol = changes - change < FAR_CHANGES ? changes - change + 1 : FAR;
              last = AFTER_CHANGE;
            }
            recent[++changes & (RING - 1)] = value;
            seen[hash] = changes;
          } else {
            symbol = REST;
            if (last !== AFTER_RESTS) last = last === AFTER_REST ? AFTER_RESTS : AFTER_REST;
          }
          slot = table + symbol;
          range >>>= SHIFT;
          below = model[slot]!;
          low += range * below;
          range *= model[slot + 1]! - below;
          if (counts) {
            counts[slot + 1]!++;
            if (++counts[table]! === BLOCK) adaptive.adapt(table);
          }
          if (range < BOTTOM) {
            if (low > TOP) carry(units, out);
            units[out] = low >>> 14;
            ++out;
            low = (low & 0x3fff) << 16;
            range <<= 16;
          }
          if (symbol) {
            if (symbol === FAR) {
              coder.resume(low, range, out);
              coder.symbol(T_CACHE_FAR, changes - 1 - change - FAR_CHANGES);
              low = coder.low;
              range = coder.range;
              out = coder.at;
            }
            continue;
          }
        }
      }
      symbol = error >> shift;
      if ((symbol + 16) >>> 5) {
        coder.resume(low, range, out);
        coder.symbol(base + zero - ZERO, ESCAPE);
        coder.number(T_ESCAPE, symbol < 0 ? -2 * symbol - 33 : 2 * symbol - 32);
        low = coder.low;
        range = coder.range;
        out = coder.at;
        move = escapedState(error) - state;
      } else {
        slot = zero + symbol;
        range >>>= SHIFT;
        below = residuals[slot]!;
        low += range * below;
        range *= residuals[slot + 1]! - below;
        if (counts) {
          counts[base + slot + 1]!++;
          table = base + zero - ZERO;
          if (++counts[table]! === BLOCK) adaptive.adapt(table);
        }
        if (range < BOTTOM) {
          if (low > TOP) carry(units, out);
          units[out] = low >>> 14;
          ++out;
          low = (low & 0x3fff) << 16;
          range <<= 16;
        }
        move = moves[slot]!;
      }
      if (shift) {
        if (shift > 12) {
          range >>>= 12;
          low += ((error & mask) >> (shift - 12)) * range;
          error &= mask >> 12;
          if (range < BOTTOM) {
            if (low > TOP) carry(units, out);
            units[out] = low >>> 14;
            ++out;
            low = (low & 0x3fff) << 16;
            range <<= 16;
          }
          range >>>= shift - 12;
        } else range >>>= shift;
        low += (error & mask) * range;
        if (range < BOTTOM) {
          if (low > TOP) carry(units, out);
          units[out] = low >>> 14;
          ++out;
          low = (low & 0x3fff) << 16;
          range <<= 16;
        }
      }
      if (move) {
        state += move;
        zero = tables[state]!;
        shift = shifts[state]!;
        mask = (1 << shift) - 1;
      }
    }
    coder.resume(low, range, out);
    this.at = end;
    this.state = state;
    this.slope = slope;
    this.mean = mean;
    this.changes = changes;
    this.last = last;
    return end === this.end;
  }
}
