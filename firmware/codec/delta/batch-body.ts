// Body of a batch, writing side (firmware/SPEC.md §5): time, then channel by channel, in slices.
import {
  writeCorrections,
  writeDouble,
  writeEntries,
  writeLowBits,
  writePresence,
} from "./channel-parts.ts";
import { gcd } from "./fit.ts";
import type { FloatBits } from "./float-bits.ts";
import { SEARCH } from "./grid.ts";
import {
  BLOB,
  CONSTANT,
  DIGITS,
  DIVISORS,
  FLOAT32,
  FLOAT64,
  LATTICE,
  MEAN,
  NARROW_BITS,
  NONE,
  SAME,
  T_DECIMALS,
  T_FIRST,
  T_FLAGS,
  T_GCD,
  T_KIND,
  T_LENGTH,
  T_PLAN,
  T_RESIDUAL,
  T_RESIDUAL_VALUE,
  T_TIME_FIRST,
  T_TIME_GCD,
  T_TIME_PLAN,
  T_WIDE,
  TEXT,
} from "./layout.ts";
import { Planner } from "./plan.ts";
import type { Quantum } from "./quantum.ts";
import type { RangeEncoder } from "./range-encoder.ts";
import type { Recorder } from "./recorder.ts";
import type { Series } from "./series.ts";
import { SeriesEncoder } from "./series-encoder.ts";

const NARROW = 2 ** (NARROW_BITS - 1);

export interface BodyWriterOptions {
  coder: RangeEncoder;
  series: Series;
  bits: FloatBits;
  recorder: Recorder;
  /** Values coded per slice. */
  sliceValues: number;
  /** One whose work space is used. */
  companion: BodyWriter | undefined;
}

export class BodyWriter {
  private readonly coder: RangeEncoder;
  private readonly series: Series;
  private readonly encoder: SeriesEncoder;
  private readonly bits: FloatBits;
  private readonly recorder: Recorder;
  private readonly sliceValues: number;
  /** Plan of the time (first) and of every channel, from the last survey. */
  private readonly plans: Uint8Array;
  private readonly planner: Planner;
  private surveyValues = 0;
  private before: Quantum | undefined;

  constructor(options: BodyWriterOptions) {
    this.coder = options.coder;
    this.series = options.series;
    this.bits = options.bits;
    this.recorder = options.recorder;
    this.sliceValues = options.sliceValues;
    this.encoder = options.companion?.encoder ?? new SeriesEncoder(options.coder);
    this.plans = new Uint8Array(options.recorder.columns.length + 1);
    this.planner = options.companion?.planner ?? new Planner();
  }

  /**
   * Codes the first `rows` rows, times in steps of `unit`; yields between slices.
   * @param surveyValues values of a channel that choose its plan; 0: the plans stay
   */
  *write(rows: number, unit: number, surveyValues: number): Generator<undefined, void> {
    this.surveyValues = surveyValues;
    const { recorder, series } = this;
    this.before = undefined;
    this.coder.number(T_LENGTH, recorder.columns.length);
    if (rows > 1) {
      series.shorten(unit);
      const plan = this.plan(0);
      this.head(plan, T_TIME_PLAN, T_TIME_FIRST, T_TIME_GCD);
      yield* this.residuals(plan, T_RESIDUAL);
    }
    if (rows > 0) for (let i = 0; i < recorder.columns.length; i++) yield* this.column(i, rows);
  }

  /**
   * Makes the differences of the first `rows` times the series at hand; returns a common divisor of them, 0 if
   * there are none. To be called before `write`.
   */
  loadTimes(rows: number): number {
    if (rows < 2) return 0;
    const { series } = this;
    const { times } = this.recorder;
    const { scratch } = series;
    let before = times[0]!;
    const first = times[1]! - before;
    let time = 0;
    let step = first;
    let i = 0;
    // Mostly they are one and the same.
    while (++i < rows && step === first) {
      time = times[i]!;
      step = time - before;
      before = time;
    }
    if (i === rows && step === first) series.repeat(first, rows - 1);
    else {
      scratch.fill(first, 0, i - 1);
      step = first;
      for (i--; i < rows && step < NARROW && step > -NARROW; ++i) {
        step = times[i]! - times[i - 1]!;
        scratch[i - 1] = step;
      }
      if (step < NARROW && step > -NARROW) series.adopt(scratch, 0, rows - 1);
      else this.loadFarTimes(rows);
    }
    return gcd(series.first, series.isConstant ? 0 : series.divisor);
  }

  private loadFarTimes(rows: number): void {
    const { times } = this.recorder;
    const { wide } = this.series;
    for (let i = 1; i < rows; ++i) wide[i - 1] = times[i]! - times[i - 1]!;
    this.series.reduce(rows - 1);
  }

  /** The plan of the last survey, or a new one. */
  private plan(index: number): number {
    const { series, plans } = this;
    if (series.isConstant) return CONSTANT;
    if (this.surveyValues > 0) plans[index] = this.planner.choose(series, this.surveyValues);
    return plans[index]!;
  }

  /** Plan, first value and, unless constant, divisor and width of the series at hand. */
  private head(plan: number, tPlan: number, tFirst: number, tGcd: number): void {
    const { coder, series } = this;
    coder.symbol(tPlan, plan);
    const { first } = series;
    coder.number(tFirst, Math.abs(first));
    if (first !== 0) coder.raw(first < 0 ? 1 : 0, 1);
    if (plan === CONSTANT) return;
    coder.number(tGcd, series.divisor - 1);
    coder.number(T_WIDE, series.low);
  }

  private *residuals(plan: number, base: number): Generator<undefined, void> {
    const { coder, encoder, series } = this;
    if (plan === CONSTANT) return;
    encoder.start(series, base, plan);
    while (!encoder.run(this.sliceValues)) yield;
    const { low, wide } = series;
    if (low === 0) return;
    coder.rawAll(wide, series.count, low);
    yield;
  }

  private *column(index: number, rows: number): Generator<undefined, void> {
    const { coder, series, recorder } = this;
    const column = recorder.columns[index]!;
    yield;
    let count = column.load(series, rows, recorder.count);
    if (count === SEARCH) count = yield* column.search(series, rows);
    const { quantum } = column;
    this.kind(count === 0 ? undefined : quantum);
    if (count === 0) {
      column.forget();
      return;
    }
    const hasExceptions = column.exceptions.length > 0;
    coder.symbol(T_FLAGS, (count < rows ? 1 : 0) + (hasExceptions ? 2 : 0));
    if (hasExceptions) yield;
    if (count < rows) writePresence(coder, column.missing, rows);
    if (hasExceptions) writeCorrections(coder, column, count, this.bits);
    if (quantum.kind === TEXT || quantum.kind === BLOB) writeEntries(coder, column, rows);
    yield;
    const plan = this.plan(index + 1);
    this.head(plan, T_PLAN, T_FIRST, T_GCD);
    yield* this.residuals(plan, T_RESIDUAL_VALUE);
    if (quantum.kind === FLOAT64) writeLowBits(coder, column, rows, this.bits);
    column.forget();
  }

  private kind(quantum: Quantum | undefined): void {
    const { coder, before } = this;
    if (!quantum) {
      coder.symbol(T_KIND, NONE);
      return;
    }
    if (before && quantum.isSameAs(before)) {
      coder.symbol(T_KIND, SAME);
      return;
    }
    coder.symbol(T_KIND, quantum.kind);
    if (quantum.kind < FLOAT32) {
      coder.number(T_DECIMALS, quantum.decimals);
      if (quantum.kind === MEAN) coder.raw(DIVISORS.indexOf(quantum.divisor), 3);
      if (quantum.kind === DIGITS || quantum.kind === LATTICE) coder.raw(quantum.digits, 4);
      if (quantum.kind === LATTICE) {
        writeDouble(coder, quantum.origin, this.bits);
        writeDouble(coder, quantum.pitch, this.bits);
      }
    }
    this.before = quantum;
  }
}
