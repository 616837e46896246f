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
import {
  BLOB,
  CACHE_MODE,
  CONSTANT,
  DIGITS,
  DIVISORS,
  FLOAT32,
  FLOAT64,
  HOLD_MODE,
  LATTICE,
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
  T_RESIDUAL,
  T_RESIDUAL_VALUE,
  T_TIME_FIRST,
  T_TIME_GCD,
  T_TIME_PLAN,
  T_WIDE,
  TEXT,
} from "./layout.ts";
import type { Planner } from "./plan.ts";
import type { Quantum } from "./quantum.ts";
import type { RangeEncoder } from "./range-encoder.ts";
import type { Recorder } from "./recorder.ts";
import type { Series } from "./series.ts";
import { SeriesEncoder } from "./series-encoder.ts";
import { StaticSeriesEncoder } from "./static-series-encoder.ts";

export interface BodyWriterOptions {
  coder: RangeEncoder;
  series: Series;
  bits: FloatBits;
  recorder: Recorder;
  /** Values coded per slice. */
  sliceValues: number;
  /** One that is there already. */
  encoder: SeriesEncoder | undefined;
}

export class BodyWriter {
  private readonly coder: RangeEncoder;
  private readonly series: Series;
  readonly encoder: SeriesEncoder;
  private readonly bits: FloatBits;
  private readonly recorder: Recorder;
  private readonly sliceValues: number;
  /** Plan of the time (first) and of every channel, from the last survey. */
  private readonly plans: Uint8Array;
  private before: Quantum | undefined;

  constructor(options: BodyWriterOptions) {
    this.coder = options.coder;
    this.series = options.series;
    this.bits = options.bits;
    this.recorder = options.recorder;
    this.sliceValues = options.sliceValues;
    const { coder } = options;
    this.encoder =
      options.encoder ??
      (coder.adaptive ? new SeriesEncoder(coder) : new StaticSeriesEncoder(coder));
    this.plans = new Uint8Array(options.recorder.columns.length + 1);
  }

  /** Codes the first `rows` rows, times in steps of `unit`; yields between slices. */
  *write(rows: number, unit: number, planner: Planner | undefined): Generator<undefined, void> {
    const { recorder, series } = this;
    this.before = undefined;
    series.restart();
    this.coder.number(T_LENGTH, recorder.columns.length);
    if (rows > 1) {
      this.loadTimes(rows, unit);
      const plan = this.plan(0, T_RESIDUAL, planner, undefined);
      this.head(plan, T_TIME_PLAN, T_TIME_FIRST, T_TIME_GCD);
      yield* this.residuals(plan, T_RESIDUAL);
    }
    if (rows > 0)
      for (let i = 0; i < recorder.columns.length; i++) yield* this.column(i, rows, planner);
  }

  private loadTimes(rows: number, unit: number): void {
    const { series } = this;
    const { times } = this.recorder;
    const { x } = series;
    let before = times[1]!;
    const first = (before - times[0]!) / unit;
    let least = 0;
    let most = 0;
    let divisor = 0;
    for (let i = 2; i < rows; i++) {
      const time = times[i]!;
      const difference = (time - before) / unit - first;
      before = time;
      x[i - 1] = difference;
      if (difference > most) most = difference;
      else if (difference < least) least = difference;
      if (difference !== 0 && divisor !== 1) divisor = gcd(difference, divisor);
    }
    x[0] = 0;
    if (most < 0x40000000 && least > -0x40000000)
      series.accept({ count: rows - 1, first, divisor, least, most, isWide: false });
    else {
      for (let i = 1; i < rows; i++) series.wide[i - 1] = (times[i]! - times[i - 1]!) / unit;
      series.reduce(rows - 1);
    }
  }

  /** The plan of the last survey, or a new one. */
  private plan(
    index: number,
    base: number,
    planner: Planner | undefined,
    hold: Int32Array | undefined,
  ): number {
    const { series, plans } = this;
    if (series.isConstant) return CONSTANT;
    if (planner) plans[index] = planner.choose(series.x, series.count, base, hold);
    const plan = plans[index]!;
    return !hold && plan >= HOLD_MODE ? plan - HOLD_MODE + CACHE_MODE : plan;
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

  private *residuals(plan: number, base: number, hold?: Int32Array): Generator<undefined, void> {
    const { coder, encoder, series } = this;
    if (plan === CONSTANT) return;
    encoder.start(series.x, series.count, base, plan, hold);
    while (!encoder.run(this.sliceValues)) yield;
    const { low, wide } = series;
    if (low === 0) return;
    for (let i = 1; i < series.count; i++)
      if (low > 12) coder.bits(wide[i]!, low);
      else coder.raw(wide[i]!, low);
    yield;
  }

  private *column(
    index: number,
    rows: number,
    planner: Planner | undefined,
  ): Generator<undefined, void> {
    const { coder, series, recorder } = this;
    const column = recorder.columns[index]!;
    const values = { raw: recorder.raw, at: index, stride: recorder.columns.length, rows };
    const count = column.load(values, series);
    const { quantum } = column;
    this.kind(count === 0 ? undefined : quantum);
    if (count === 0) return;
    const hasExceptions = column.exceptions.length > 0;
    coder.symbol(T_FLAGS, (count < rows ? 1 : 0) + (hasExceptions ? 2 : 0));
    if (count < rows) writePresence(coder, column.missing, rows);
    if (hasExceptions) writeCorrections(coder, column, count, this.bits);
    if (quantum.kind === TEXT || quantum.kind === BLOB) writeEntries(coder, column, series);
    yield;
    const hold = count === rows ? series.hold : undefined;
    const plan = this.plan(index + 1, T_RESIDUAL_VALUE, planner, hold);
    this.head(plan, T_PLAN, T_FIRST, T_GCD);
    yield* this.residuals(plan, T_RESIDUAL_VALUE, hold);
    if (quantum.kind === FLOAT64) writeLowBits(coder, values, column, this.bits);
    if (count === rows && plan !== CONSTANT) series.keep();
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
