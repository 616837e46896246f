// One channel of a recorder: which grid its values lie on, and the values that miss it (firmware/SPEC.md §5).
import { GodwitError } from "../error.ts";
import { writeUtf8 } from "../utf8.ts";
import { chooseQuantum, gcd } from "./fit.ts";
import type { FloatBits } from "./float-bits.ts";
import {
  BLOB,
  BOOLEAN,
  DECIMAL,
  DIGITS,
  ENTRIES_MAX,
  ENTRY_BYTES_MAX,
  FLOAT_DECIMAL,
  FLOAT64,
  NEGATIVE_ZERO,
  RAW,
  TEXT,
} from "./layout.ts";
import { POWERS, Quantum, toleranceGrid, WHOLE_MAX } from "./quantum.ts";
import type { Series } from "./series.ts";

/** Differences below this size are kept in 32 bits. */
const NARROW = 0x40000000;
const { fround, round } = Math;

/** Turns values that are neither numbers, booleans nor texts into bytes (CBOR). */
export type EncodeObject = (value: unknown) => Uint8Array;

export interface ColumnOptions {
  /** Largest error of a decoded number, in the channel's unit; absent: exact. */
  epsilon?: number | undefined;
  encodeObject?: EncodeObject | undefined;
}

/** Where a column's values stand: every `stride`-th number of `raw`, from `at` on. NaN is no value. */
export interface RawValues {
  raw: Float64Array;
  at: number;
  stride: number;
  rows: number;
}

export class Column {
  quantum: Quantum;
  /** Texts, or encoded objects with one character per byte, in the order of their first use. */
  entries: string[] = [];
  /** Rows whose reading was NaN. */
  readonly nans: number[] = [];

  /** After `load`: rows without a value. */
  missing: number[] = [];
  /** After `load`: positions among the present values and codes of those beside the grid, in pairs. */
  exceptions: number[] = [];
  /** After `load`: the values whose code is RAW. */
  raws: number[] = [];

  /** Differences were too large for 32 bits before. */
  private isWide = false;
  private readonly grain: number;
  /** The grid that keeps every value within epsilon. */
  private readonly tolerance: Quantum | undefined;
  private readonly epsilon: number;
  private readonly bits: FloatBits;
  private readonly encodeObject: EncodeObject | undefined;
  /** Exceptions that the grid needed when it was chosen. */
  private tolerated = 0;
  private toleratedRaws = 0;

  constructor(options: ColumnOptions, bits: FloatBits) {
    this.bits = bits;
    this.encodeObject = options.encodeObject;
    this.epsilon = options.epsilon ?? 0;
    const { decimals, grain } = toleranceGrid(this.epsilon);
    this.grain = grain;
    this.quantum = new Quantum({ kind: DECIMAL, decimals }, bits);
    if (this.epsilon > 0) this.tolerance = this.quantum;
  }

  /** Moves the present values into `series` and settles on a grid; returns how many values there are. */
  load(values: RawValues, series: Series): number {
    if (this.tolerance && this.quantum.kind < BOOLEAN) this.quantum = this.tolerance;
    const count = this.measure(values, series);
    if (!this.isNumeric || count === 0 || !this.isMissed(count)) return count;
    const before = this.quantum;
    const numbers: number[] = [];
    const { raw, stride } = values;
    for (let i = 0, at = values.at; i < values.rows; i++, at += stride)
      if (Number.isFinite(raw[at])) numbers.push(raw[at]!);
    if (numbers.length > 0)
      this.quantum = chooseQuantum(numbers, this.bits).joined(before, this.bits);
    this.isWide = false;
    if (!this.quantum.isSameAs(before)) this.measure(values, series);
    this.tolerated = this.exceptions.length;
    this.toleratedRaws = 2 * this.raws.length;
    return count;
  }

  /** Too many of `count` values lie beside the grid: look for another. */
  private isMissed(count: number): boolean {
    // A coarse grid with some values sent whole is smaller than an exact one; it returns with the next batch.
    if (this.tolerance) return this.raws.length > count >> 2;
    return (
      this.exceptions.length > 2 * this.tolerated + (count >> 3) ||
      this.raws.length > this.toleratedRaws
    );
  }

  private measure(values: RawValues, series: Series): number {
    const { kind } = this.quantum;
    let count = -1;
    if (this.epsilon === 0) {
      if (kind <= DECIMAL || kind === FLOAT_DECIMAL || kind >= BOOLEAN) {
        count = this.measureDecimal(values, series);
        if (count < 0 && !this.isWide) {
          this.isWide = true;
          count = this.measureDecimal(values, series);
        }
      } else if (kind === DIGITS) count = this.measureDigits(values, series);
    }
    return count >= 0 ? count : this.measureAny(values, series);
  }

  private forget(): void {
    this.missing = [];
    this.exceptions = [];
    this.raws = [];
  }

  /** The common case in one tight loop; -1 if the numbers do not fit. */
  private measureDecimal(values: RawValues, series: Series): number {
    this.forget();
    const { raw, rows, stride } = values;
    const target = this.isWide ? series.wide : series.x;
    const { scale } = this.quantum;
    const isFloat = this.quantum.kind === FLOAT_DECIMAL;
    let first = 0;
    let least = 0;
    let most = 0;
    let divisor = 0;
    let count = 0;
    let at = values.at;
    for (let row = 0; row < rows; row++) {
      const value = raw[at]!;
      at += stride;
      let whole = round(value * scale);
      if ((isFloat ? fround(whole / scale) : whole / scale) !== value || whole === 0) {
        if (value !== 0 || 1 / value < 0) {
          if (this.isGap(value, row)) continue;
          whole = this.correct(value, whole, count, first + (count > 0 ? target[count - 1]! : 0));
        } else whole = 0;
      }
      if (count === 0) first = whole;
      const difference = whole - first;
      target[count++] = difference;
      if (difference > most) most = difference;
      else if (difference < least) least = difference;
      if (divisor !== 1 && (divisor === 0 || difference % divisor !== 0))
        divisor = gcd(difference, divisor);
    }
    const limit = this.isWide ? WHOLE_MAX : NARROW;
    if (!(most < limit && least > -limit && Math.abs(first) + most - least <= WHOLE_MAX)) return -1;
    series.accept({ count, first, divisor, least, most, isWide: this.isWide });
    return count;
  }

  /** Significant digits: the decade of the value before is tried first. */
  private measureDigits(values: RawValues, series: Series): number {
    this.forget();
    const { raw, rows, stride } = values;
    const { quantum } = this;
    const { wide } = series;
    const { top, step, decimals } = quantum;
    const bottom = top / 10;
    let decade = 0;
    let scale = quantum.scale;
    let count = 0;
    let at = values.at;
    for (let row = 0; row < rows; row++) {
      const value = raw[at]!;
      at += stride;
      const size = value < 0 ? -value : value;
      let mantissa = round(size * scale);
      while (mantissa >= top && decade < decimals) {
        scale = POWERS[decimals - ++decade]!;
        mantissa = round(size * scale);
      }
      while (mantissa < bottom && decade > 0) {
        scale = POWERS[decimals - --decade]!;
        mantissa = round(size * scale);
      }
      let whole = mantissa + decade * step;
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
    if (count > 0) series.reduce(count);
    return count;
  }

  private measureAny(values: RawValues, series: Series): number {
    this.forget();
    const { raw, rows, stride } = values;
    const { wide } = series;
    const { quantum } = this;
    const grain = quantum === this.tolerance ? this.grain : 1;
    let count = 0;
    for (let row = 0, at = values.at; row < rows; row++, at += stride) {
      const value = raw[at]!;
      if (this.isGap(value, row)) continue;
      let whole = quantum.toWhole(value);
      if (grain > 1) whole = round(whole / grain) * grain;
      if (whole === 0) whole = 0;
      if (!this.isOnGrid(value, whole))
        whole = this.correct(value, whole, count, count > 0 ? wide[count - 1]! : 0);
      wide[count++] = whole;
    }
    if (count > 0) series.reduce(count);
    return count;
  }

  private isGap(value: number, row: number): boolean {
    if (!Number.isNaN(value) || this.nans.includes(row)) return false;
    this.missing.push(row);
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
      this.exceptions.push(count, NEGATIVE_ZERO);
      return 0;
    }
    const steps =
      this.epsilon > 0 || !(Math.abs(whole) <= WHOLE_MAX)
        ? Number.NaN
        : quantum.stepsTo(value, whole);
    if (!Number.isNaN(steps) && Object.is(quantum.stepped(whole, steps), value)) {
      this.exceptions.push(count, steps > 0 ? 2 * steps : -2 * steps - 1);
      return whole;
    }
    this.exceptions.push(count, RAW);
    this.raws.push(value);
    // Repeating the number before costs least.
    return before;
  }

  get isNumeric(): boolean {
    return this.quantum.kind < BOOLEAN;
  }

  /**
   * Makes the channel one that can hold `value`, which is no number or does not follow numbers only.
   * @returns a function that gives the new number of a value recorded before, or undefined if those stay
   */
  admit(value: unknown, isFirst: boolean): ((number: number) => number) | undefined {
    const { kind } = this.quantum;
    const wanted = typeof value === "boolean" ? BOOLEAN : typeof value === "string" ? TEXT : BLOB;
    if (kind === wanted || kind === BLOB) return undefined;
    const before = this.entries;
    const next = isFirst ? wanted : BLOB;
    if (next === BLOB) this.pack(value);
    this.quantum = new Quantum({ kind: next }, this.bits);
    if (isFirst) return undefined;
    this.entries = [];
    return (number) =>
      this.intern(kind === BOOLEAN ? number === 1 : kind === TEXT ? before[number] : number);
  }

  /** The number that stands for a value of an admitted kind. */
  intern(value: unknown): number {
    const { kind } = this.quantum;
    if (kind === BOOLEAN) return value === true ? 1 : 0;
    return this.entryOf(kind === TEXT ? (value as string) : this.pack(value));
  }

  private pack(value: unknown): string {
    if (!this.encodeObject)
      throw new GodwitError("argument", `a ${typeof value} in a channel of other values`);
    let text = "";
    for (const byte of this.encodeObject(value)) text += String.fromCharCode(byte);
    return text;
  }

  /** Row numbers after the first `rows` rows are gone. */
  renumberNans(rows: number): void {
    const kept = this.nans.filter((row) => row >= rows).map((row) => row - rows);
    this.nans.length = 0;
    this.nans.push(...kept);
  }

  /** Number of a text or packed object. @throws GodwitError `limit` if there are too many. */
  entryOf(text: string): number {
    const at = this.entries.indexOf(text);
    if (at >= 0) return at;
    if (this.entries.length >= ENTRIES_MAX)
      throw new GodwitError("limit", `more than ${ENTRIES_MAX} different texts in one batch`);
    // Counting the bytes also refuses half surrogate pairs now, while only this row is lost.
    const bytes = this.quantum.kind === TEXT ? writeUtf8(text) : text.length;
    if (bytes > ENTRY_BYTES_MAX)
      throw new GodwitError("limit", `a text of ${bytes} bytes, at most ${ENTRY_BYTES_MAX}`);
    return this.entries.push(text) - 1;
  }
}
