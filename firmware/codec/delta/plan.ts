// Choice of predictor and mode for a series, by estimates on a stretch of its values (firmware/SPEC.md §6.2, §6.3).
// biome-ignore-all lint/suspicious/noAssignInExpressions: the interpreter need not load an assigned value again
import { CACHE_MODE, CHANGES_MAX } from "./layout.ts";
import type { Series } from "./series.ts";

const SLOTS = 64;
const clz = Math.clz32;

/** Sixteenths of a bit: of a repeated change beyond the choice itself. */
const CHANGE_UNITS = 56;
/** What the mode, in sixteenths of a bit, and another predictor, in bits, must save per value to be worth their work. */
const CACHE_GAIN_UNITS = 16;
const PREDICTOR_GAIN = 0.2;

/** Logarithm to base 2 in sixteenths, linear between powers of two; 0 for 0. */
function log2(value: number): number {
  let rest = value;
  let units = 0;
  while (rest >= 0x40000000) {
    rest /= 2;
    units += 16;
  }
  if (rest < 1) return 0;
  const length = 31 - clz(rest);
  return units + 16 * length + (((rest / 2 ** length - 1) * 16) | 0);
}

/** Bits, in sixteenths, of choosing among events that were counted. */
function entropy(...counts: number[]): number {
  let sum = 0;
  let units = 0;
  for (const count of counts) {
    sum += count;
    units -= count * log2(count);
  }
  return units + sum * log2(sum);
}

/** Chooses plans; keeps its work space between series. */
export class Planner {
  private readonly recent = new Int32Array(SLOTS);
  private readonly seen = new Int16Array(SLOTS);
  private rests = 0;
  private repeats = 0;
  private repeatSize = 0;

  /** A good plan for `series`, judged by at most `valuesMax` neighbouring values. */
  choose(series: Series, valuesMax: number): number {
    const { x, from, count } = series;
    const size = Math.min(count - 1, valuesMax);
    const start = from + 1 + ((count - 1 - size) >> 1);
    const end = start + size;
    const predictor = bestPredictor(x, start, end);
    const sum = this.countChanges(x, start, end, predictor);
    const { rests, repeats, repeatSize } = this;
    const misses = size - rests - repeats;
    const plain = size * log2(Math.max(1, sum / size) * 5);
    const missed = misses > 0 ? misses * log2(Math.max(1, (sum - repeatSize) / misses) * 5) : 0;
    const flags = entropy(rests, repeats, misses);
    const cached = missed + flags + repeats * CHANGE_UNITS;
    return cached + CACHE_GAIN_UNITS * size < plain ? CACHE_MODE + predictor : predictor;
  }

  /** Counts values as before and changes seen before; returns the sum of all residuals' sizes. */
  private countChanges(x: Int32Array, start: number, end: number, predictor: number): number {
    const { recent, seen } = this;
    let before = x[start - 1]!;
    let slope = 0;
    let sum = 0;
    let rests = 0;
    let repeats = 0;
    let repeatSize = 0;
    let changes = 0;
    let value = 0;
    let step = 0;
    let size = 0;
    let hash = 0;
    seen.fill(-2 * CHANGES_MAX);
    hash = (before + (before >> 6)) & (SLOTS - 1);
    recent[hash] = before;
    seen[hash] = 0;
    let i = start;
    do {
      value = x[i]!;
      step = value - before;
      before = value;
      size = predictor === 1 ? step - slope : predictor === 2 ? step - (slope >> 1) : step;
      slope = step;
      if (size < 0) size = -size;
      sum += size;
      if (step) {
        if (recent[(hash = (value + (value >> 6)) & (SLOTS - 1))] === value) {
          if (changes - seen[hash]! <= CHANGES_MAX) {
            ++repeats;
            repeatSize += size;
          }
        } else recent[hash] = value;
        seen[hash] = ++changes;
      } else {
        ++rests;
        repeatSize += size;
      }
    } while (++i < end);
    this.rests = rests;
    this.repeats = repeats;
    this.repeatSize = repeatSize;
    return sum;
  }
}

/** The predictor whose residuals have the fewest bits on `x[start..end)`. */
function bestPredictor(x: Int32Array, start: number, end: number): number {
  let last = 0;
  let linear = 0;
  let damped = 0;
  let average = 0;
  let before = x[start - 1]!;
  let mean = 16 * before;
  let slope = 0;
  let value = 0;
  let step = 0;
  let half = 0;
  let far = 0;
  let i = start;
  do {
    step = (value = x[i]!) - before;
    half = step - (slope >> 1);
    far = value - ((mean + 8) >> 4);
    last -= clz(step < 0 ? -step : step);
    linear -= clz(step < slope ? slope - step : step - slope);
    damped -= clz(half < 0 ? -half : half);
    average -= clz(far < 0 ? -far : far);
    mean += (16 * value - mean) >> 2;
    slope = step;
    before = value;
  } while (++i < end);
  const least = Math.min(last, linear, damped, average);
  if (last - least <= PREDICTOR_GAIN * (end - start)) return 0;
  return least === linear ? 1 : least === damped ? 2 : 3;
}
