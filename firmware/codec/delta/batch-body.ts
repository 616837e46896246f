// Body of a batch, writing side (firmware/SPEC.md §5): time, then channel by channel, in slices.
import { encodeUtf8 } from "../utf8.ts";
import type { Column, RawValues } from "./column.ts";
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
  PLAIN,
  RAW,
  SAME,
  T_DECIMALS,
  T_EXACT,
  T_FIRST,
  T_FLAGS,
  T_GCD,
  T_KIND,
  T_LENGTH,
  T_PLAN,
  T_PRESENT,
  T_RESIDUAL,
  T_RESIDUAL_VALUE,
  T_SMALL,
  T_TIME_FIRST,
  T_TIME_GCD,
  T_TIME_PLAN,
  T_ULP,
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

const STEP = PLAIN + 1;

export interface BodyWriterOptions {
  coder: RangeEncoder;
  series: Series;
  bits: FloatBits;
  recorder: Recorder;
  /** Values coded per slice. */
  sliceValues: number;
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
  private before: Quantum | undefined;

  constructor(options: BodyWriterOptions) {
    this.coder = options.coder;
    this.series = options.series;
    this.bits = options.bits;
    this.recorder = options.recorder;
    this.sliceValues = options.sliceValues;
    this.encoder = options.coder.adaptive
      ? new SeriesEncoder(options.coder)
      : new StaticSeriesEncoder(options.coder);
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
      series.accept(rows - 1, first, divisor, least, most);
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
    if (series.low > 0) {
      for (let i = 1; i < series.count; i++) coder.bits(series.lowAt(i), series.low);
      yield;
    }
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
    if (count < rows) this.presence(column.missing, rows);
    if (hasExceptions) this.exceptions(column, count);
    if (quantum.kind === TEXT || quantum.kind === BLOB) this.entries(column);
    yield;
    const hold = count === rows ? series.hold : undefined;
    const plan = this.plan(index + 1, T_RESIDUAL_VALUE, planner, hold);
    this.head(plan, T_PLAN, T_FIRST, T_GCD);
    yield* this.residuals(plan, T_RESIDUAL_VALUE, hold);
    if (quantum.kind === FLOAT64) this.lowBits(values, column);
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
        this.double(quantum.origin);
        this.double(quantum.pitch);
      }
    }
    this.before = quantum;
  }

  private double(value: number): void {
    const order = this.bits.order64(value);
    this.coder.raw(value < 0 ? 1 : 0, 1);
    this.coder.bits(Math.abs(order), 51);
    this.coder.raw(this.bits.low12(value), 12);
  }

  private presence(missing: readonly number[], rows: number): void {
    let last = 1;
    let next = 0;
    for (let row = 0; row < rows; row++) {
      const here = missing[next] === row ? 0 : 1;
      if (here === 0) next++;
      this.coder.symbol(T_PRESENT + last * STEP, here);
      last = here;
    }
  }

  private exceptions(column: Column, count: number): void {
    const { coder } = this;
    const { exceptions, raws } = column;
    let next = 0;
    let raw = 0;
    let last = 0;
    for (let i = 0; i < count; i++) {
      const isOff = exceptions[next] === i;
      coder.symbol(T_EXACT + last * STEP, isOff ? 1 : 0);
      last = isOff ? 1 : 0;
      if (!isOff) continue;
      const code = exceptions[next + 1]!;
      next += 2;
      coder.number(T_ULP, code - 1);
      if (code === RAW) this.double(raws[raw++]!);
    }
  }

  /** The twelve lowest bits of doubles: once if they never change. */
  private lowBits(values: RawValues, column: Column): void {
    const { coder, bits } = this;
    const { missing, exceptions } = column;
    const lows: number[] = [];
    let gap = 0;
    for (let row = 0, at = values.at; row < values.rows; row++, at += values.stride) {
      if (missing[gap] === row) gap++;
      else lows.push(bits.low12(values.raw[at]!));
    }
    const isSame = exceptions.length === 0 && lows.every((low) => low === lows[0]);
    coder.raw(isSame ? 1 : 0, 1);
    if (isSame) coder.raw(lows[0]!, 12);
    else for (const low of lows) coder.raw(low, 12);
  }

  /** Texts or objects up to the last one in use. */
  private entries(column: Column): void {
    const { coder, series } = this;
    let most = 0;
    for (let i = 0; i < series.count; i++)
      most = Math.max(most, series.x[i]! * series.divisor + series.first);
    coder.number(T_SMALL, most + 1);
    for (let entry = 0; entry <= most; entry++) {
      const text = column.entries[entry]!;
      const bytes = column.quantum.kind === TEXT ? encodeUtf8(text) : undefined;
      const length = bytes ? bytes.length : text.length;
      coder.number(T_LENGTH, length);
      for (let i = 0; i < length; i++) coder.raw(bytes ? bytes[i]! : text.charCodeAt(i), 8);
    }
  }
}
