// Body of a batch, writing side (firmware/SPEC.md §5): time, then channel by channel, in slices.
import { encodeUtf8 } from "../utf8.ts";
import type { Column } from "./column.ts";
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
import type { Series } from "./series.ts";
import { SeriesEncoder } from "./series-encoder.ts";

const STEP = 17;

export class BodyWriter {
  private readonly coder: RangeEncoder;
  private readonly series: Series;
  private readonly encoder: SeriesEncoder;
  private readonly bits: FloatBits;
  private readonly plans: Uint8Array;
  private readonly planner: Planner | undefined;
  private readonly sliceValues: number;
  private before: Quantum | undefined;
  private hold: Int32Array | Float64Array | undefined;

  constructor(
    coder: RangeEncoder,
    series: Series,
    bits: FloatBits,
    plans: Uint8Array,
    planner: Planner | undefined,
    sliceValues: number,
  ) {
    this.coder = coder;
    this.series = series;
    this.encoder = new SeriesEncoder(coder, series.x);
    this.bits = bits;
    this.plans = plans;
    this.planner = planner;
    this.sliceValues = sliceValues;
  }

  /** Codes times (in ticks) and channels of the first `rows` rows; yields between slices. */
  *write(times: Float64Array, rows: number, unit: number, columns: readonly Column[]) {
    this.coder.number(T_LENGTH, columns.length);
    if (rows > 1) {
      this.loadTimes(times, rows, unit);
      const plan = this.plan(0, T_RESIDUAL, undefined);
      this.head(plan, T_TIME_PLAN, T_TIME_FIRST, T_TIME_GCD);
      yield* this.residuals(plan, T_RESIDUAL);
    }
    if (rows === 0) return;
    for (let i = 0; i < columns.length; i++) yield* this.column(columns[i]!, i, rows);
  }

  private loadTimes(times: Float64Array, rows: number, unit: number): void {
    const { x } = this.series;
    for (let i = 1; i < rows; i++) {
      const step = (times[i]! - times[i - 1]!) / unit;
      if (step > 0x3fffffff || step < -0x3fffffff) {
        const wide = this.series.wide;
        for (let j = 1; j < rows; j++) wide[j - 1] = (times[j]! - times[j - 1]!) / unit;
        this.series.reduceWide(rows - 1);
        return;
      }
      x[i - 1] = step;
    }
    this.series.reduce(rows - 1);
  }

  /** The plan of the last survey, or a new one. */
  private plan(index: number, base: number, hold: Int32Array | Float64Array | undefined): number {
    const { series, plans, planner } = this;
    if (series.isConstant) return CONSTANT;
    if (planner) plans[index] = planner.choose(series.count, base, hold);
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

  private *residuals(plan: number, base: number) {
    const { coder, encoder, series } = this;
    if (plan === CONSTANT) return;
    encoder.start(series.count, base, plan, this.hold);
    while (!encoder.run(this.sliceValues)) yield;
    if (series.low > 0) {
      for (let i = 1; i < series.count; i++) coder.bits(series.lowAt(i), series.low);
      yield;
    }
  }

  private *column(column: Column, index: number, rows: number) {
    const { coder } = this;
    const count = this.load(column, rows);
    const quantum = column.quantum;
    this.kind(count === 0 ? undefined : quantum);
    if (count === 0) return;
    const hasExceptions = column.exceptions.length > 0 && column.exceptions[0]! < rows;
    coder.symbol(T_FLAGS, (count < rows ? 1 : 0) + (hasExceptions ? 2 : 0));
    if (count < rows) this.presence(column, rows);
    if (hasExceptions) this.exceptions(column, rows);
    if (quantum.kind === TEXT || quantum.kind === BLOB) this.entries(column, rows);
    yield;
    const hold = count === rows ? this.hold : undefined;
    const plan = this.plan(index + 1, T_RESIDUAL_VALUE, hold);
    this.head(plan, T_PLAN, T_FIRST, T_GCD);
    yield* this.residuals(plan, T_RESIDUAL_VALUE);
    if (quantum.kind === FLOAT64) this.lowBits(column, rows);
    if (!quantum.isFloat) this.hold = column.store;
  }

  /** Moves the present values into the series; returns how many there are. */
  private load(column: Column, rows: number): number {
    const { series } = this;
    const { store } = column;
    const isFloat64 = column.quantum.kind === FLOAT64;
    const target = column.isWide ? series.wide : series.x;
    let count = 0;
    for (let i = 0; i < rows; i++)
      if (!column.isMissing(i))
        target[count++] = isFloat64 ? this.bits.order64(store[i]!) : store[i]!;
    if (count > 0) {
      if (column.isWide) series.reduceWide(count);
      else series.reduce(count);
    }
    return count;
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

  private presence(column: Column, rows: number): void {
    let last = 1;
    for (let i = 0; i < rows; i++) {
      const here = column.isMissing(i) ? 0 : 1;
      this.coder.symbol(T_PRESENT + last * STEP, here);
      last = here;
    }
  }

  private exceptions(column: Column, rows: number): void {
    const { coder } = this;
    const { exceptions, raws } = column;
    let next = 0;
    let raw = 0;
    let last = 0;
    for (let i = 0; i < rows; i++) {
      if (column.isMissing(i)) continue;
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

  private lowBits(column: Column, rows: number): void {
    const { coder, bits } = this;
    let first = -1;
    let isSame = true;
    for (let i = 0; i < rows; i++) {
      if (column.isMissing(i)) continue;
      const low = bits.low12(column.store[i]!);
      if (first < 0) first = low;
      else if (low !== first) isSame = false;
    }
    coder.raw(isSame ? 1 : 0, 1);
    for (let i = 0; i < rows; i++) {
      if (column.isMissing(i)) continue;
      coder.raw(bits.low12(column.store[i]!), 12);
      if (isSame) return;
    }
  }

  /** Texts or blobs in the order of their first use; the series is renumbered to match. */
  private entries(column: Column, rows: number): void {
    const { coder, series } = this;
    const order: number[] = [];
    const { x } = series;
    let count = 0;
    for (let i = 0; i < rows; i++) {
      if (column.isMissing(i)) continue;
      const entry = column.store[i]!;
      let at = order.indexOf(entry);
      if (at < 0) {
        at = order.length;
        order.push(entry);
      }
      x[count++] = at;
    }
    coder.number(T_SMALL, order.length);
    for (const entry of order) {
      const text = column.entries[entry]!;
      const isBlob = column.quantum.kind === BLOB;
      const bytes = isBlob ? undefined : encodeUtf8(text);
      const length = bytes ? bytes.length : text.length;
      coder.number(T_LENGTH, length);
      for (let i = 0; i < length; i++) coder.raw(bytes ? bytes[i]! : text.charCodeAt(i), 8);
    }
    series.reduce(count);
  }
}
