// Whole numbers of a channel's doubles on a given grid, and what lies beside it (firmware/SPEC.md §5).
// biome-ignore-all lint/suspicious/noAssignInExpressions: the interpreter need not load an assigned value again
import type { FloatBits } from "./float-bits.ts";
import { DECIMAL, FLOAT64, NEGATIVE_ZERO, RAW, ULP_MAX } from "./layout.ts";
import { POWERS, type Quantum, WHOLE_MAX } from "./quantum.ts";

const { fround, round } = Math;
const NOTHING: readonly number[] = [];

export abstract class Measure {
  abstract quantum: Quantum;
  /** Rows whose reading was NaN, while values are doubles. */
  readonly nans: number[] = [];

  /** After `load`: rows without a value. */
  missing: readonly number[] = NOTHING;
  /** After `load`: positions among the present values and codes of those beside the grid, in pairs. */
  exceptions: readonly number[] = NOTHING;
  /** After `load`: the values whose code is RAW. */
  raws: readonly number[] = NOTHING;

  protected readonly epsilon: number;
  protected readonly bits: FloatBits;
  /** Bounds of the whole numbers of the last measurement: one at most zero, one at least zero. */
  protected least = 0;
  protected most = 0;
  /** Whole numbers are multiples of it. */
  protected grain = 1;

  constructor(epsilon: number, bits: FloatBits) {
    this.epsilon = epsilon;
    this.bits = bits;
  }

  /** Forgets what `load` left. */
  forget(): void {
    this.missing = NOTHING;
    this.exceptions = NOTHING;
    this.raws = NOTHING;
  }

  /** Notes that there is no value in row `row`. */
  protected miss(row: number): void {
    if (this.missing === NOTHING) this.missing = [];
    (this.missing as number[]).push(row);
  }

  /** Notes a code for present value number `count`, and the value if it must be sent whole. */
  private except(count: number, code: number, raw?: number): void {
    if (this.exceptions === NOTHING) this.exceptions = [];
    (this.exceptions as number[]).push(count, code);
    if (raw === undefined) return;
    if (this.raws === NOTHING) this.raws = [];
    (this.raws as number[]).push(raw);
  }

  // The loops are hot: no property is read twice, and assignments stand in expressions.
  /** Whole numbers of decimals to `out`; returns how many. They may be larger than `out` can hold. */
  protected measureDecimal(
    raw: Float64Array,
    rows: number,
    out: Int32Array | Float64Array,
  ): number {
    const scale = this.quantum.scale;
    const isRounded = this.quantum.kind !== DECIMAL;
    let least = 0;
    let most = 0;
    let count = -1;
    let value = 0;
    let whole = 0;
    let back = 0;
    let row = 0;
    do {
      whole = round((value = raw[row]!) * scale);
      back = whole / scale;
      if (isRounded) back = fround(back);
      if (back !== value) {
        if (this.isGap(value, row)) continue;
        whole = this.correct(value, whole, count + 1, count < 0 ? 0 : out[count]!);
      } else if (!whole) {
        if (1 / value < 0) this.except(count + 1, NEGATIVE_ZERO);
        whole = 0;
      }
      out[++count] = whole;
      if (whole > most) most = whole;
      else if (whole < least) least = whole;
    } while (++row < rows);
    this.least = least;
    this.most = most;
    return count + 1;
  }

  /** The same for significant digits: the decade of the value before is tried first. */
  protected measureDigits(raw: Float64Array, rows: number, out: Int32Array | Float64Array): number {
    const { decimals, step, top } = this.quantum;
    const above = top * top;
    const below = above / 100;
    let scale = this.quantum.scale;
    let decade = 0;
    let decadeMax = 0;
    let offset = 0;
    let count = -1;
    let value = 0;
    let square = 0;
    let mantissa = 0;
    let row = 0;
    this.clear();
    do {
      mantissa = round((value = raw[row]!) * scale);
      if ((square = mantissa * mantissa) >= above || square < below) {
        while (square >= above && decade < decimals) {
          mantissa = round(value * (scale = POWERS[decimals - ++decade]!));
          square = mantissa * mantissa;
        }
        while (square < below && decade > 0) {
          mantissa = round(value * (scale = POWERS[decimals - --decade]!));
          square = mantissa * mantissa;
        }
        offset = decade * step;
        if (decade > decadeMax) decadeMax = decade;
        // Zero may be negative, and what is too large has no mantissa.
        if (square >= above || square === 0) mantissa = Number.NaN;
      }
      if (mantissa / scale === value)
        out[++count] = mantissa < 0 ? mantissa - offset : mantissa + offset;
      else if (!this.isGap(value, row)) count = this.putAny(value, count, out);
    } while (++row < rows);
    this.include(top + decadeMax * step);
    this.include(-top - decadeMax * step);
    return count + 1;
  }

  /** The same for a grid of any kind. */
  protected measureAny(raw: Float64Array, rows: number, out: Float64Array): number {
    let count = -1;
    this.clear();
    for (let row = 0; row < rows; row++)
      if (!this.isGap(raw[row]!, row)) count = this.putAny(raw[row]!, count, out);
    return count + 1;
  }

  /** Puts the whole number of `value` behind number `count` of `out`, and returns its place. */
  private putAny(value: number, count: number, out: Int32Array | Float64Array): number {
    const { quantum } = this;
    let whole = quantum.toWhole(value);
    if (this.grain > 1) whole = round(whole / this.grain) * this.grain;
    if (whole === 0) whole = 0;
    if (!this.isOnGrid(value, whole))
      whole = this.correct(value, whole, count + 1, count < 0 ? 0 : out[count]!);
    out[count + 1] = whole;
    this.include(whole);
    return count + 1;
  }

  private clear(): void {
    this.least = 0;
    this.most = 0;
  }

  private include(whole: number): void {
    if (whole > this.most) this.most = whole;
    if (whole < this.least) this.least = whole;
  }

  /** No whole number is larger, on either side of zero. */
  protected get size(): number {
    return Math.max(this.most, -this.least);
  }

  private isGap(value: number, row: number): boolean {
    if (!Number.isNaN(value) || this.nans.includes(row)) return false;
    this.miss(row);
    return true;
  }

  private isOnGrid(value: number, whole: number): boolean {
    if (!(Math.abs(whole) <= WHOLE_MAX)) return false;
    // Order 0 stands for zero and for the smallest doubles of both signs.
    if (this.quantum.kind === FLOAT64) return whole !== 0 || Object.is(value, 0);
    const back = this.quantum.toValue(whole);
    return Object.is(back, value) || (this.epsilon > 0 && Math.abs(back - value) <= this.epsilon);
  }

  /** Notes how `value`, present value number `count`, differs from the grid; returns its whole number. */
  protected correct(value: number, whole: number, count: number, before: number): number {
    const { quantum } = this;
    if (Object.is(value, -0)) {
      this.except(count, NEGATIVE_ZERO);
      return 0;
    }
    let steps = Number.NaN;
    if (this.epsilon === 0 && whole <= WHOLE_MAX && whole >= -WHOLE_MAX) {
      // A decoder starts from 0, never from -0.
      if (quantum.kind === DECIMAL)
        steps = this.bits.steps((whole + 0) / quantum.scale, value, ULP_MAX);
      else steps = quantum.stepsTo(value, whole + 0);
    }
    if (!Number.isNaN(steps)) {
      this.except(count, steps > 0 ? 2 * steps : -2 * steps - 1);
      return whole;
    }
    this.except(count, RAW, value);
    // Repeating the number before costs least.
    return before;
  }
}
