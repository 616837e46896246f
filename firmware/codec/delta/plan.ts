// Choice of predictor and cache for a series: a few plans are costed on a stretch of its values (firmware/SPEC.md §6.4).
import { CACHE_MODE, HOLD_MODE, MODEL_SIZE } from "./layout.ts";
import { eachTable } from "./model.ts";
import { bitLength } from "./range-encoder.ts";
import { SeriesEncoder } from "./series-encoder.ts";

const clz = Math.clz32;

/** Cost units per bit, and bits per step of a prior's character (each is one eighth more weight). */
const UNITS = 16;
const UNITS_PER_LEVEL = 2.72;

/** Counts what symbols would cost; stands in for the range coder. */
export class CostMeter {
  units = 0;
  private readonly costs = new Uint8Array(MODEL_SIZE);

  constructor(priors: string) {
    const { costs } = this;
    let next = 0;
    eachTable((base, size) => {
      let sum = 0;
      let top = 0;
      for (let s = 0; s < size; s++) top = Math.max(top, priors.charCodeAt(next + s));
      // The sum of weights relative to the largest, in levels: halves every 5.9 levels.
      for (let s = 0; s < size; s++) sum += 2 ** ((priors.charCodeAt(next + s) - top) * 0.17);
      const floor = UNITS * (bitLength(Math.round(sum * 1024)) - 11);
      for (let s = 0; s < size; s++) {
        const level = top - priors.charCodeAt(next++);
        costs[base + s + 1] = Math.min(255, Math.max(1, floor + level * UNITS_PER_LEVEL));
      }
    });
  }

  symbol(base: number, s: number): void {
    this.units += this.costs[base + s + 1]!;
  }

  raw(_value: number, count: number): void {
    this.units += count * UNITS;
  }

  bits(_value: number, count: number): void {
    this.units += count * UNITS;
  }

  number(base: number, value: number): void {
    const length = bitLength(value);
    this.symbol(base, Math.min(length, 15));
    this.units += length * UNITS;
  }
}

/** Predictors in the order of the bits their residuals have on `x[start..end)`. */
function rankPredictors(x: Int32Array, start: number, end: number): number[] {
  const bits = [0, 0, 0, 0];
  let before = x[start - 1]!;
  let mean = 16 * before;
  let slope = 0;
  for (let i = start; i < end; i++) {
    const value = x[i]!;
    const step = value - before;
    const half = step - (slope >> 1);
    const far = value - ((mean + 8) >> 4);
    bits[0]! += 32 - clz(step < 0 ? -step : step);
    bits[1]! += 32 - clz(step < slope ? slope - step : step - slope);
    bits[2]! += 32 - clz(half < 0 ? -half : half);
    bits[3]! += 32 - clz(far < 0 ? -far : far);
    mean += (16 * value - mean) >> 3;
    slope = step;
    before = value;
  }
  return [0, 1, 2, 3].sort((a, b) => bits[a]! - bits[b]!);
}

/** Chooses plans; keeps its tables and work space between series. */
export class Planner {
  private readonly meter: CostMeter;
  private readonly encoder: SeriesEncoder;
  private readonly sampleMax: number;

  /** Judges series by at most `sampleMax` neighbouring values. */
  constructor(sampleMax: number, priors: string) {
    this.meter = new CostMeter(priors);
    this.sampleMax = sampleMax;
    this.encoder = new SeriesEncoder(this.meter);
  }

  /** The cheapest plan for the series `x[0..count)`. */
  choose(x: Int32Array, count: number, base: number, hold: Int32Array | undefined): number {
    const size = Math.min(count, this.sampleMax);
    const start = Math.max(1, (count - size) >> 1);
    const ranked = rankPredictors(x, start, start + size - (start === 1 ? 1 : 0));
    let best = 0;
    let bestUnits = Infinity;
    for (let mode = 0; mode <= (hold ? HOLD_MODE : CACHE_MODE); mode += CACHE_MODE)
      for (let rank = 0; rank < RANKS; rank++) {
        const plan = mode + ranked[rank]!;
        this.meter.units = 0;
        this.encoder.start(x, count, base, plan, hold);
        this.encoder.skipTo(start);
        this.encoder.run(size);
        if (this.meter.units >= bestUnits) continue;
        best = plan;
        bestUnits = this.meter.units;
      }
    return best;
  }
}

/** Predictors that are costed exactly. */
const RANKS = 2;
