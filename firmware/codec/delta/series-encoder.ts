// Residuals of one series, written in slices (firmware/SPEC.md §6): predictor, changes seen before, scale.
// biome-ignore-all lint/suspicious/noAssignInExpressions: the interpreter need not load an assigned value again
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
  TAIL_BITS,
  ZERO,
} from "./layout.ts";
import { BELOW, BLOCK, MOVES, SHIFT, STAY, WEIGHT, WEIGHTS } from "./model.ts";
import { BOTTOM, carry, type RangeEncoder, TOP } from "./range-encoder.ts";
import { escapedState, Scale, START_STATE } from "./scale.ts";
import type { Series } from "./series.ts";

const STEP = PLAIN + 1;
// Slots of the first symbol of the CACHE tables.
const AFTER_MISS = T_CACHE + 1;
const AFTER_REST = AFTER_MISS + STEP;
const AFTER_CHANGE = AFTER_REST + STEP;
const AFTER_RESTS = AFTER_CHANGE + STEP;
const FAR = FAR_CHANGES + 1;
/** Slots of the hash, a power of two. */
const SLOTS = 64;
const BELOW_TAIL = TAIL_BITS - 1;

export class SeriesEncoder {
  private readonly coder: RangeEncoder;
  private readonly scale = new Scale();
  /** The changed value last seen, and number of that change, by hash. */
  private readonly recent = new Int32Array(SLOTS);
  private readonly seen = new Int16Array(SLOTS);
  private x: Int32Array = this.recent;
  /** Position last coded, and the last of the series. */
  private at = 0;
  private end = 0;
  private predictor = 0;
  private isCached = false;
  private state = START_STATE;
  private slope = 0;
  private mean = 0;
  private changes = 0;
  /** Table of the next CACHE symbol. */
  private last = AFTER_MISS;

  constructor(coder: RangeEncoder) {
    this.coder = coder;
  }

  /** Starts a series of at least two values, of which the first is known. */
  start(series: Series, plan: number): void {
    const { x, from } = series;
    const first = x[from]!;
    this.x = x;
    this.at = from;
    this.end = from + series.count - 1;
    this.predictor = plan & 3;
    this.isCached = plan >= CACHE_MODE;
    this.state = START_STATE;
    this.slope = 0;
    this.mean = 16 * first;
    this.changes = 0;
    this.last = AFTER_MISS;
    if (this.isCached) {
      const hash = (first + (first >> 6)) & (SLOTS - 1);
      this.seen.fill(-2 * CHANGES_MAX);
      this.recent[hash] = first;
      this.seen[hash] = 0;
    }
  }

  // An interpreter pays for every call, property, element and local: so state lives in locals, an assignment stands
  // in the expression that uses it, the range coder's arithmetic stands in line, and the function is as long as that takes.
  /** Codes up to `budget` values; true when the series is complete. */
  // biome-ignore lint/complexity/noExcessiveLinesPerFunction: each call in this loop would cost more than the coding
  run(budget: number): boolean {
    const x = this.x;
    const predictor = this.predictor;
    const isCached = this.isCached;
    const recent = this.recent;
    const seen = this.seen;
    const zeros = this.scale.zeros;
    const shifts = this.scale.shifts;
    const coder = this.coder;
    const model = coder.model;
    const units = coder.units;
    const adaptive = coder.adaptive;
    const counts = adaptive?.counts;
    const isSpecial = predictor > 0 || isCached;
    const end = Math.min(this.end, this.at + budget);
    let low = coder.low;
    let range = coder.range;
    let tail = coder.tail;
    let out = coder.at - 1;
    let changes = this.changes;
    let last = this.last;
    let mean = this.mean;
    let slope = this.slope;
    let state = this.state;
    let i = this.at;
    let value = x[i]!;
    let step = 0;
    let error = 0;
    let zero = zeros[state]!;
    let shift = shifts[state]!;
    // Raw bits beyond those for the tail, and the range they need: four for each of their values.
    let rest = shift & BELOW_TAIL;
    let full = 4 << rest;
    let entry = 0;
    let move = 0;
    let table = 0;
    let symbol = 0;
    let hash = 0;
    let change = 0;
    do {
      value += error = x[++i]! - value;
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
            symbol = MISS;
            last = AFTER_MISS;
            if (recent[(hash = (value + (value >> 6)) & (SLOTS - 1))] === value) {
              if ((change = changes - seen[hash]!) <= CHANGES_MAX) {
                symbol = change < FAR_CHANGES ? change + 1 : FAR;
                last = AFTER_CHANGE;
              }
            } else recent[hash] = value;
            seen[hash] = ++changes;
          } else {
            symbol = REST;
            if (last !== AFTER_RESTS) last = last === AFTER_REST ? AFTER_RESTS : AFTER_REST;
          }
          if (range < BOTTOM) {
            if (low > TOP) if (++units[out]! > 0xffff) carry(units, out);
            units[++out] = low >>> 14;
            low = (low & 0x3fff) << 16;
            range <<= 16;
          }
          entry = model[table + symbol]!;
          low += (range >>>= SHIFT) * (entry >>> BELOW);
          range *= (entry >>> WEIGHT) & WEIGHTS;
          if (counts) {
            counts[table + symbol]!++;
            if (++counts[--table]! === BLOCK) adaptive.adapt(table);
          }
          if (symbol) {
            if (symbol === FAR) {
              coder.resume(low, range, out + 1);
              coder.symbol(T_CACHE_FAR, change - FAR_CHANGES);
              low = coder.low;
              range = coder.range;
              out = coder.at - 1;
            }
            continue;
          }
        }
      }
      if (((symbol = error >> shift) + 16) >>> 5) {
        coder.resume(low, range, out + 1);
        coder.symbol(zero - ZERO - 1, ESCAPE);
        coder.number(T_ESCAPE, symbol < 0 ? -2 * symbol - 33 : 2 * symbol - 32);
        if (shift) {
          symbol = error;
          if (shift >= TAIL_BITS) {
            units[--tail] = symbol;
            symbol >>= TAIL_BITS;
          }
          coder.bits(symbol & ((full >> 2) - 1), rest);
        }
        low = coder.low;
        range = coder.range;
        out = coder.at - 1;
        zero = zeros[(state = escapedState(error))]!;
        rest = (shift = shifts[state]!) & BELOW_TAIL;
        full = 4 << rest;
        continue;
      }
      if (range < BOTTOM) {
        if (low > TOP) if (++units[out]! > 0xffff) carry(units, out);
        units[++out] = low >>> 14;
        low = (low & 0x3fff) << 16;
        range <<= 16;
      }
      entry = model[zero + symbol]!;
      low += (range >>>= SHIFT) * (entry >>> BELOW);
      range *= (entry >>> WEIGHT) & WEIGHTS;
      if (counts) {
        counts[zero + symbol]!++;
        table = zero - ZERO - 1;
        if (++counts[table]! === BLOCK) adaptive.adapt(table);
      }
      if (shift) {
        if (shift >= TAIL_BITS) {
          units[--tail] = error;
          error >>= TAIL_BITS;
        }
        if (range < full) {
          if (range < BOTTOM) {
            if (low > TOP) if (++units[out]! > 0xffff) carry(units, out);
            units[++out] = low >>> 14;
            low = (low & 0x3fff) << 16;
            range <<= 16;
          }
          if (range < full) {
            coder.resume(low, range, out + 1);
            coder.bits(error - (symbol << rest), rest);
            low = coder.low;
            range = coder.range;
            out = coder.at - 1;
          } else low += (error - (symbol << rest)) * (range >>>= rest);
        } else low += (error - (symbol << rest)) * (range >>>= rest);
      }
      if ((move = entry & MOVES)) {
        zero = zeros[(state += move - STAY)]!;
        if ((shift = shifts[state]!)) full = 4 << (rest = shift & BELOW_TAIL);
      }
    } while (i < end);
    coder.resume(low, range, out + 1);
    coder.tail = tail;
    this.at = end;
    this.state = state;
    this.slope = slope;
    this.mean = mean;
    this.changes = changes;
    this.last = last;
    return end === this.end;
  }
}
