// The grid of a channel's numbers: found when none fits, kept while it does; what lies beside it (firmware/SPEC.md §5).
import { refineQuantum, searchQuantum } from "./fit.ts";
import type { FloatBits } from "./float-bits.ts";
import {
  BOOLEAN,
  DECIMAL,
  DIGITS,
  FLOAT_DECIMAL,
  MEAN_BITS,
  NARROW_BITS,
  SERIES_BITS,
} from "./layout.ts";
import { Measure } from "./measure.ts";
import { Quantum, toleranceGrid, WHOLE_MAX } from "./quantum.ts";
import type { Series } from "./series.ts";

/** Whole numbers a recorder's cell holds are smaller. */
const NARROW = 2 ** (NARROW_BITS - 1);
/** Whole numbers that a series takes as they are are not larger, or not if they shall follow a mean. */
const ADOPTED_MAX = 2 ** (SERIES_BITS - 1);
const MEAN_MAX = 2 ** (MEAN_BITS - 1);
/** Instead of a count: the values need another grid. */
export const SEARCH = -1;

export class Grid extends Measure {
  quantum: Quantum;
  /** Numbers on this grid are small decimals, few beside it: they can be recorded as whole numbers. */
  protected isPlain = false;
  /** The grid has described a batch. */
  protected hasServed = false;
  private readonly toleranceGrain: number;
  /** The grid that keeps every value within epsilon. */
  private readonly tolerance: Quantum | undefined;
  /** Exceptions that the grid needed when it was chosen. */
  private tolerated = 0;
  private toleratedRaws = 0;
  /** The last whole numbers were too large to be adopted. */
  private isFar = false;

  constructor(epsilon: number, bits: FloatBits) {
    super(epsilon, bits);
    const { decimals, grain } = toleranceGrid(epsilon);
    this.toleranceGrain = grain;
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
    this.settle(count);
    return count;
  }

  private settle(count: number): void {
    this.isPlain =
      (this.quantum.kind === DECIMAL || this.quantum.kind === FLOAT_DECIMAL) &&
      this.epsilon === 0 &&
      this.exceptions.length <= count >> 3 &&
      this.size < NARROW;
  }

  /** Finds a grid in slices, and loads. */
  protected *searchDoubles(
    raw: Float64Array,
    rows: number,
    series: Series,
  ): Generator<undefined, number> {
    yield;
    const before = this.quantum;
    const refined = this.hasServed
      ? refineQuantum(before, this.beside(raw), rows, this.bits)
      : undefined;
    if (refined) this.quantum = refined;
    else {
      yield;
      const numbers: number[] = [];
      for (let row = 0; row < rows; row++) if (Number.isFinite(raw[row])) numbers.push(raw[row]!);
      yield;
      if (numbers.length > 0)
        this.quantum = (yield* searchQuantum(numbers, this.bits)).joined(before, this.bits);
    }
    yield;
    const count = this.measure(raw, rows, series);
    this.tolerated = this.exceptions.length;
    this.toleratedRaws = 2 * this.raws.length;
    this.settle(count);
    return count;
  }

  /** The values beside the grid, as `load` found them. */
  private beside(raw: Float64Array): number[] {
    const { exceptions, missing } = this;
    const values: number[] = [];
    let gaps = 0;
    for (let i = 0; i < exceptions.length; i += 2) {
      while (missing[gaps]! <= exceptions[i]! + gaps) gaps++;
      values.push(raw[exceptions[i]! + gaps]!);
    }
    return values;
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
    const { kind } = this.quantum;
    const isDecimal = this.epsilon === 0 && (kind === DECIMAL || kind === FLOAT_DECIMAL);
    const isDigits = kind === DIGITS;
    this.forget();
    this.grain = this.quantum === this.tolerance ? this.toleranceGrain : 1;
    if ((isDecimal || isDigits) && !this.isFar) {
      const { scratch } = series;
      const count = isDecimal
        ? this.measureDecimal(raw, rows, scratch)
        : this.measureDigits(raw, rows, scratch);
      const { size } = this;
      if (size <= ADOPTED_MAX) {
        if (count > 0) series.adopt(scratch, 0, count, size > MEAN_MAX);
        return count;
      }
      this.isFar = true;
      this.forget();
    }
    // Numbers that may have more than 31 bits.
    const { wide } = series;
    let count = 0;
    this.most = Number.NaN;
    if (isDecimal) count = this.measureDecimal(raw, rows, wide);
    else if (isDigits) count = this.measureDigits(raw, rows, wide);
    if (!(this.size <= WHOLE_MAX)) {
      this.forget();
      count = this.measureAny(raw, rows, wide);
    }
    if (count > 0) series.reduce(count, this.least, this.most);
    this.isFar = this.size > ADOPTED_MAX;
    return count;
  }

  /** Begins again with whole numbers. */
  protected renew(): void {
    this.quantum = new Quantum({ kind: DECIMAL }, this.bits);
    this.tolerated = 0;
    this.toleratedRaws = 0;
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
