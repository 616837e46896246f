// The series encoder of the static profile with the range coder's arithmetic in line: the same bytes for half the work.
import { RESIDUAL, RESIDUAL_STEP, T_ESCAPE } from "./layout.ts";
import { SHIFT } from "./model.ts";
import { BOTTOM, type RangeEncoder } from "./range-encoder.ts";
import {
  FAR,
  FIVE_SCALES,
  FOUR_SCALES,
  NEAR,
  ONE_SCALE,
  SeriesEncoder,
  THREE_SCALES,
  TWO_SCALES,
} from "./series-encoder.ts";

const ESCAPE = RESIDUAL - 1;
const TWO = 2 * RESIDUAL_STEP;
const clz = Math.clz32;

export class StaticSeriesEncoder extends SeriesEncoder {
  private readonly range: RangeEncoder;

  constructor(coder: RangeEncoder) {
    super(coder);
    this.range = coder;
  }

  protected override residuals(from: number, to: number): void {
    const { base, predictor, range: coder, x } = this;
    const { model } = coder;
    let { low, range } = coder;
    let { average, previous } = this;
    let before = x[from - 1]!;
    let slope = from > 1 ? before - x[from - 2]! : 0;
    for (let i = from; i < to; i++) {
      const value = x[i]!;
      let error = value - before;
      if (predictor !== 0) {
        if (predictor === 3) error = value - this.follow(value, i);
        else {
          const step = error;
          error -= predictor === 1 ? slope : slope >> 1;
          slope = step;
        }
      }
      before = value;
      let table = base;
      let shift = 0;
      if (average >= 64) {
        shift = 26 - clz(average);
        table += average < 1024 ? NEAR : FAR;
        if ((average >> (shift + 4)) & 1) table += RESIDUAL_STEP;
      } else if (average >= 32) table += average < 48 ? FOUR_SCALES : FIVE_SCALES;
      else if (average >= 4) {
        table += average < 12 ? ONE_SCALE : average < 24 ? TWO_SCALES : THREE_SCALES;
        if (previous !== 0) table += previous === 1 ? RESIDUAL_STEP : TWO;
      } else if (average > 0) table += RESIDUAL_STEP;
      const high = error >> shift;
      const folded = (high << 1) ^ (high >> 31);
      if (folded < ESCAPE) {
        table += folded;
        const below = model[table]!;
        range >>>= SHIFT;
        low += range * below;
        range *= model[table + 1]! - below;
      } else {
        coder.low = low;
        coder.range = range;
        coder.symbol(table, ESCAPE);
        coder.number(T_ESCAPE, folded - ESCAPE);
        low = coder.low;
        range = coder.range;
      }
      if (range < BOTTOM) {
        low = coder.carry(low, range);
        range = coder.range;
      }
      if (shift > 12) {
        // The twelve highest of the low bits come first.
        if (shift > 24) {
          coder.low = low;
          coder.range = range;
          coder.bits(error & ((1 << shift) - 1), shift);
          low = coder.low;
          range = coder.range;
          shift = 0;
        } else {
          range >>>= 12;
          shift -= 12;
          low += ((error >> shift) & 0xfff) * range;
          if (range < BOTTOM) {
            low = coder.carry(low, range);
            range = coder.range;
          }
        }
      }
      if (shift > 0) {
        range >>>= shift;
        low += (error & ((1 << shift) - 1)) * range;
        if (range < BOTTOM) {
          low = coder.carry(low, range);
          range = coder.range;
        }
      }
      previous = error < 0 ? -error : error;
      average += (16 * previous - average) >> 2;
    }
    coder.low = low;
    coder.range = range;
    this.average = average;
    this.previous = previous;
  }
}
