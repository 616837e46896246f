// Body of a batch, writing side (firmware/SPEC.md §5): time, then channel by channel, in slices.
import { writeCorrections, writeEntries, writeLowBits, writePresence } from "./channel-parts.ts";
import type { Column } from "./column.ts";
import type { FloatBits } from "./float-bits.ts";
import { SEARCH } from "./grid.ts";
import {
  CONSTANT,
  DIGITS,
  DIVISORS,
  FLOAT32,
  FLOAT64,
  MEAN,
  NONE,
  SAME,
  T_DECIMALS,
  T_FIRST,
  T_FLAGS,
  T_GCD,
  T_KIND,
  T_LENGTH,
  T_PLAN,
  T_TIME_FIRST,
  T_TIME_GCD,
  T_TIME_PLAN,
  T_WIDE,
  TAIL_BITS,
  TEXT,
} from "./layout.ts";
import { Planner } from "./plan.ts";
import type { Quantum } from "./quantum.ts";
import type { RangeEncoder } from "./range-encoder.ts";
import type { Recorder } from "./recorder.ts";
import type { Series } from "./series.ts";
import { SeriesEncoder } from "./series-encoder.ts";

/** Stages of a channel. */
const LOAD = 0;
const FIND = 1;
const PARTS = 2;
const HEAD = 3;
const RUN = 4;
const LOWS = 5;

export interface BodyWriterOptions {
  coder: RangeEncoder;
  series: Series;
  bits: FloatBits;
  recorder: Recorder;
  /** One whose work space is used. */
  companion: BodyWriter | undefined;
}

export class BodyWriter {
  private readonly coder: RangeEncoder;
  private readonly series: Series;
  private readonly encoder: SeriesEncoder;
  private readonly bits: FloatBits;
  private readonly recorder: Recorder;
  /** Plan of the time (first) and of every channel, from the last survey. */
  private readonly plans: Uint8Array;
  private readonly planner: Planner;
  private surveyValues = 0;
  private rows = 0;
  /** Channel at hand, -1 for the time; number of its values; what comes next. */
  private index = -1;
  private count = 0;
  private stage = LOAD;
  private search: Generator<undefined, number> | undefined;
  private before: Quantum | undefined;

  constructor(options: BodyWriterOptions) {
    this.coder = options.coder;
    this.series = options.series;
    this.bits = options.bits;
    this.recorder = options.recorder;
    this.encoder = options.companion?.encoder ?? new SeriesEncoder(options.coder);
    this.plans = new Uint8Array(options.recorder.columns.length + 1);
    this.planner = options.companion?.planner ?? new Planner();
  }

  /**
   * Begins the body of the first `rows` rows, times in steps of `unit`.
   * @param surveyValues values of a channel that choose its plan; 0: the plans stay
   */
  start(rows: number, unit: number, surveyValues: number): void {
    const { recorder, series } = this;
    this.rows = rows;
    this.surveyValues = surveyValues;
    this.before = undefined;
    this.search = undefined;
    this.index = -1;
    this.coder.number(T_LENGTH, recorder.columns.length);
    if (rows > 1) {
      series.shorten(unit);
      this.head(T_TIME_PLAN, T_TIME_FIRST, T_TIME_GCD);
    } else this.stage = LOAD;
    if (rows === 0) this.index = recorder.columns.length - 1;
  }

  /** Codes the next slice, at most `budget` values; false when the body is complete. */
  step(budget: number): boolean {
    const { columns } = this.recorder;
    const { stage } = this;
    if (stage === RUN) {
      if (this.encoder.run(budget)) this.stage = this.hasLows() ? LOWS : LOAD;
      return true;
    }
    if (stage === LOAD) {
      if (++this.index === columns.length) return false;
      this.load(columns[this.index]!);
    } else if (stage === FIND) this.find(columns[this.index]!);
    else if (stage === PARTS) this.parts(columns[this.index]!);
    else if (stage === HEAD) this.head(T_PLAN, T_FIRST, T_GCD);
    else this.lows();
    return true;
  }

  /** The plan of the last survey, or a new one. */
  private plan(): number {
    const { series, plans } = this;
    if (series.isConstant) return CONSTANT;
    const index = this.index + 1;
    if (this.surveyValues > 0) plans[index] = this.planner.choose(series, this.surveyValues);
    const plan = plans[index]!;
    // Numbers too wide for a mean: the last one instead.
    return series.isWide && (plan & 3) === 3 ? plan - 3 : plan;
  }

  /** Plan, first value and, unless constant, divisor and width of the series at hand; its residuals come next. */
  private head(tPlan: number, tFirst: number, tGcd: number): void {
    const { coder, series } = this;
    const { first } = series;
    if (!series.isConstant && series.low > 0) series.split(coder);
    const plan = this.plan();
    coder.symbol(tPlan, plan);
    coder.number(tFirst, first < 0 ? -first : first);
    if (first !== 0) coder.raw(first < 0 ? 1 : 0, 1);
    if (plan === CONSTANT) {
      this.stage = this.hasLows() ? LOWS : LOAD;
      return;
    }
    coder.number(tGcd, series.divisor - 1);
    coder.number(T_WIDE, series.low);
    this.encoder.start(series, plan);
    this.stage = RUN;
  }

  /** Whether something follows the residuals of the series at hand. */
  private hasLows(): boolean {
    const { index, series } = this;
    if (!series.isConstant && series.low % TAIL_BITS > 0) return true;
    return index >= 0 && this.recorder.columns[index]!.quantum.kind === FLOAT64;
  }

  private lows(): void {
    const { coder, index, series } = this;
    if (!series.isConstant && series.low % TAIL_BITS > 0)
      coder.rawAll(series.wide, series.count, series.low % TAIL_BITS);
    this.stage = LOAD;
    if (index < 0) return;
    const column = this.recorder.columns[index]!;
    if (column.quantum.kind === FLOAT64) writeLowBits(coder, column, this.rows, this.bits);
  }

  private load(column: Column): void {
    const count = column.load(this.series, this.rows, this.recorder.count);
    if (count === SEARCH) {
      this.search = column.search(this.series, this.rows);
      this.stage = FIND;
    } else this.describe(column, count);
  }

  private find(column: Column): void {
    const found = this.search!.next();
    if (!found.done) return;
    this.search = undefined;
    this.describe(column, found.value);
  }

  /** Kind of the column at hand, which has `count` values, and what else its description has. */
  private describe(column: Column, count: number): void {
    this.count = count;
    if (count === 0) {
      this.coder.symbol(T_KIND, NONE);
      this.stage = LOAD;
      return;
    }
    const { quantum } = column;
    const hasExceptions = column.exceptions.length > 0;
    this.kind(quantum);
    this.coder.symbol(T_FLAGS, (count < this.rows ? 1 : 0) + (hasExceptions ? 2 : 0));
    this.stage = hasExceptions || count < this.rows || quantum.kind >= TEXT ? PARTS : HEAD;
  }

  private parts(column: Column): void {
    const { coder, count, rows } = this;
    if (count < rows) writePresence(coder, column.missing, rows);
    if (column.exceptions.length > 0) writeCorrections(coder, column, count, this.bits);
    if (column.quantum.kind >= TEXT) writeEntries(coder, column, rows);
    this.stage = HEAD;
  }

  private kind(quantum: Quantum): void {
    const { coder, before } = this;
    if (before && quantum.isSameAs(before)) {
      coder.symbol(T_KIND, SAME);
      return;
    }
    coder.symbol(T_KIND, quantum.kind);
    if (quantum.kind < FLOAT32) {
      coder.number(T_DECIMALS, quantum.decimals);
      if (quantum.kind === MEAN) coder.raw(DIVISORS.indexOf(quantum.divisor), 3);
      if (quantum.kind === DIGITS) coder.raw(quantum.digits, 4);
    }
    this.before = quantum;
  }
}
