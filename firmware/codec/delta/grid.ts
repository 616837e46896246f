// The grid of a channel's numbers: found when none fits, kept while it does; what lies beside it (firmware/SPEC.md §5).
import { refineQuantum, searchQuantum } from "./fit.ts";
import type { FloatBits } from "./float-bits.ts";
import {
  BOOLEAN,
  DECIMAL,
  DIGITS,
  FLOAT_DECIMAL,
  FLOAT64,
  NARROW_BITS,
  NEGATIVE_ZERO,
  RAW,
  ULP_MAX,
} from "./layout.ts";
import { POWERS, Quantum, toleranceGrid, WHOLE_MAX } from "./quantum.ts";
import type { Series } from "./series.ts";

const { fround, round } = Math;
/** Whole numbers a recorder's cell holds are smaller. */
const NARROW = 2 ** (NARROW_BITS - 1);
/** Instead of a count: the values need another grid. */
export const SEARCH = -1;

const NOTHING: readonly number[] = [];

export class Grid {
  quantum: Quantum;
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
  /** Numbers on this grid are small decimals, few beside it: they can be recorded as whole numbers. */
  protected isPlain = false;
  /** The grid has described a batch. */
  protected hasServed = false;
  private readonly grain: number;
  /** The grid that keeps every value within epsilon. */
  private readonly tolerance: Quantum | undefined;
  /** Exceptions that the grid needed when it was chosen. */
  private tolerated = 0;
  private toleratedRaws = 0;

  constructor(epsilon: number, bits: FloatBits) {
    this.bits = bits;
    this.epsilon = epsilon;
    const { decimals, grain } = toleranceGrid(epsilon);
    this.grain = grain;
    this.quantum = new Quantum({ kind: DECIMAL, decimals }, bits);
    if (epsilon > 0) this.tolerance = this.quantum;
  }

  get isNumeric(): boolean {
    return this.quantum.kind < BOOLEAN;
  }

  /**
   * Moves the present values of `raw` (NaN: none, but for `nans`) into `series`; returns how many there are, or
   * SEARCH if another grid has to be found for them.
   */
  protected loadDoubles(raw: Float64Array, rows: number, series: Series): number {
    if (this.tolerance) this.quantum = this.tolerance;
    const count = this.measure(raw, rows, series);
    if (count > 0 && this.isMissed(count)) return SEARCH;
    this.settle(count, series);
    return count;
  }

  private settle(count: number, series: Series): void {
    this.isPlain =
      (this.quantum.kind === DECIMAL || this.quantum.kind === FLOAT_DECIMAL) &&
      this.epsilon === 0 &&
      this.exceptions.length <= count >> 3 &&
      Math.abs(series.first) + series.largest < NARROW;
  }

  /** Finds a grid in slices, and loads. */
  protected *searchDoubles(
    raw: Float64Array,
    rows: number,
    series: Series,
  ): Generator<undefined, number> {
    yield;
    const before = this.quantum;
    const numbers: number[] = [];
    for (let row = 0; row < rows; row++) if (Number.isFinite(raw[row])) numbers.push(raw[row]!);
    yield;
    if (numbers.length > 0) {
      const refined = this.hasServed ? yield* refineQuantum(before, numbers, this.bits) : undefined;
      const found = refined ?? (yield* searchQuantum(numbers, this.bits));
      this.quantum = found.joined(before, this.bits);
    }
    yield;
    const count = this.measure(raw, rows, series);
    this.tolerated = this.exceptions.length;
    this.toleratedRaws = 2 * this.raws.length;
    this.settle(count, series);
    return count;
  }

  /** Too many of `count` values lie beside the grid: look for another. */
  protected isMissed(count: number): boolean {
    // A coarse grid with some values sent whole is smaller than an exact one; it returns with the next batch.
    if (this.tolerance) return this.raws.length > count >> 2;
    return (
      this.exceptions.length > 2 * this.tolerated + (count >> 3) ||
      this.raws.length > this.toleratedRaws
    );
  }

  private measure(raw: Float64Array, rows: number, series: Series): number {
    this.forget();
    const { kind } = this.quantum;
    const { wide } = series;
    const isDecimal = this.epsilon === 0 && (kind === DECIMAL || kind === FLOAT_DECIMAL);
    let count: number;
    if (isDecimal) count = this.measureDecimal(raw, rows, wide);
    else if (kind === DIGITS) count = this.measureDigits(raw, rows, wide);
    else count = this.measureAny(raw, rows, wide);
    if (count === 0) return 0;
    series.reduce(count);
    if (isDecimal && !(Math.abs(series.first) + series.largest <= WHOLE_MAX)) {
      this.forget();
      series.reduce(this.measureAny(raw, rows, wide));
    }
    return count;
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

  /** Whole numbers of decimals to `wide`, in one tight loop; they may be too large. */
  private measureDecimal(raw: Float64Array, rows: number, wide: Float64Array): number {
    const { scale } = this.quantum;
    const isFloat = this.quantum.kind === FLOAT_DECIMAL;
    let count = 0;
    let value = 0;
    let whole = 0;
    for (let row = 0; row < rows; ++row) {
      value = raw[row]!;
      whole = round(value * scale);
      if ((isFloat ? fround(whole / scale) : whole / scale) !== value || whole === 0) {
        if (value !== 0 || 1 / value < 0) {
          if (this.isGap(value, row)) continue;
          whole = this.correct(value, whole, count, count > 0 ? wide[count - 1]! : 0);
        } else whole = 0;
      }
      wide[count++] = whole;
    }
    return count;
  }

  /** Significant digits: the decade of the value before is tried first. */
  private measureDigits(raw: Float64Array, rows: number, wide: Float64Array): number {
    const { quantum } = this;
    const { top, step, decimals } = quantum;
    const bottom = top / 10;
    let decade = 0;
    let scale = quantum.scale;
    let count = 0;
    let value = 0;
    let size = 0;
    let mantissa = 0;
    let whole = 0;
    for (let row = 0; row < rows; ++row) {
      value = raw[row]!;
      size = value < 0 ? -value : value;
      mantissa = round(size * scale);
      while (mantissa >= top && decade < decimals) {
        scale = POWERS[decimals - ++decade]!;
        mantissa = round(size * scale);
      }
      while (mantissa < bottom && decade > 0) {
        scale = POWERS[decimals - --decade]!;
        mantissa = round(size * scale);
      }
      whole = mantissa + decade * step;
      if (value < 0) whole = -whole;
      if (mantissa / scale !== size || mantissa >= top || whole === 0) {
        if (this.isGap(value, row)) continue;
        whole = quantum.toWhole(value);
        if (whole === 0) whole = 0;
        if (!this.isOnGrid(value, whole))
          whole = this.correct(value, whole, count, count > 0 ? wide[count - 1]! : 0);
      }
      wide[count++] = whole;
    }
    return count;
  }

  private measureAny(raw: Float64Array, rows: number, wide: Float64Array): number {
    const { quantum } = this;
    const grain = quantum === this.tolerance ? this.grain : 1;
    let count = 0;
    for (let row = 0; row < rows; row++) {
      const value = raw[row]!;
      if (this.isGap(value, row)) continue;
      let whole = quantum.toWhole(value);
      if (grain > 1) whole = round(whole / grain) * grain;
      if (whole === 0) whole = 0;
      if (!this.isOnGrid(value, whole))
        whole = this.correct(value, whole, count, count > 0 ? wide[count - 1]! : 0);
      wide[count++] = whole;
    }
    return count;
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
  private correct(value: number, whole: number, count: number, before: number): number {
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

  /** As `correct`, for a whole number that must fit a cell. */
  protected correctNarrow(value: number, whole: number, count: number, before: number): number {
    return this.correct(value, Math.abs(whole) < NARROW ? whole : Number.NaN, count, before);
  }

  /** Row numbers of NaN readings after the first `rows` rows are gone. */
  protected renumberNans(rows: number): void {
    const kept = this.nans.filter((row) => row >= rows).map((row) => row - rows);
    this.nans.length = 0;
    this.nans.push(...kept);
  }
}
