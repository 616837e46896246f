// A series of whole numbers ready for coding: offset and common divisor removed, width known (firmware/SPEC.md §6).
import { gcd } from "./fit.ts";
import { SERIES_BITS } from "./layout.ts";
import { bitLength } from "./range-encoder.ts";

/** Differences whose common divisor is taken before the others are tried with it. */
const GCD_VALUES = 8;

/** One series at a time, and work space for it; made once per encoder. */
export class Series {
  /** The series is `x[from..from + count)`, of which only differences count. */
  x: Int32Array;
  from = 0;
  count = 0;
  /** The first number, before the divisor was taken off. */
  first = 0;
  divisor = 1;
  /** Size of the largest difference to the first number, if the series came from `wide`. */
  largest = 0;
  /** Bits of each value that are sent raw. */
  low = 0;
  isConstant = false;
  /** Whole numbers to be adopted. */
  readonly scratch: Int32Array;
  private exact: Float64Array | undefined;

  constructor(rowsMax: number) {
    this.scratch = new Int32Array(rowsMax);
    this.x = this.scratch;
  }

  /** Doubles to fill with whole numbers below 2^53 before `reduce`; afterwards the raw parts of the values. */
  get wide(): Float64Array {
    this.exact ??= new Float64Array(this.scratch.length);
    return this.exact;
  }

  /** Takes `count` numbers of less than SERIES_BITS from `cells`, which are left alone unless they are `scratch`. */
  adopt(cells: Int32Array, from: number, count: number): void {
    const first = cells[from]!;
    const end = from + count;
    let at = from + 1;
    let divisor = 0;
    while (at < end && cells[at] === first) ++at;
    this.isConstant = at >= end;
    for (const sure = at + GCD_VALUES; at < sure && at < end && at < sure && divisor !== 1; ++at)
      divisor = gcd(cells[at]! - first, divisor);
    this.count = count;
    this.first = first;
    this.low = 0;
    this.x = cells;
    this.from = from;
    while (divisor > 1) {
      const odd = this.divide(cells, divisor);
      if (odd === 0) break;
      divisor = gcd(odd, divisor);
    }
    this.divisor = divisor || 1;
  }

  /** Moves the differences to the first number into `scratch`, divided; stops at one that is no multiple, and returns it. */
  private divide(cells: Int32Array, divisor: number): number {
    const { count, first, from, scratch } = this;
    let at = from - 1;
    let quotient = 0;
    for (let i = 0; i < count; ++i) {
      quotient = (cells[++at]! - first) / divisor;
      if ((quotient | 0) !== quotient) {
        // Not `quotient * divisor`, which may have a fraction.
        const odd = cells[at]! - first;
        if (cells === scratch) while (--i >= 0) scratch[i] = scratch[i]! * divisor + first;
        return odd;
      }
      scratch[i] = quotient;
    }
    this.x = scratch;
    this.from = 0;
    return 0;
  }

  /** Takes `count` times the same number. */
  repeat(value: number, count: number): void {
    this.count = count;
    this.first = value;
    this.divisor = 1;
    this.isConstant = true;
  }

  /** Divides all numbers by one of their common divisors. */
  shorten(unit: number): void {
    this.first /= unit;
    if (!this.isConstant) this.divisor /= unit;
  }

  /** Takes the `count` numbers in `wide`. */
  reduce(count: number): void {
    const exact = this.wide;
    const first = exact[0]!;
    let divisor = 0;
    let least = 0;
    let most = 0;
    let difference = 0;
    for (let i = 0; i < count; ++i) {
      difference = exact[i]! - first;
      if (difference > most) most = difference;
      else if (difference < least) least = difference;
      if (divisor !== 1 && (divisor === 0 || difference % divisor !== 0))
        divisor = gcd(difference, divisor);
    }
    const largest = Math.max(most, -least);
    this.count = count;
    this.first = first;
    this.largest = largest;
    this.isConstant = largest === 0;
    this.divisor = divisor || 1;
    const bits = bitLength(Math.floor(largest / this.divisor));
    this.low = bits > SERIES_BITS ? bits - SERIES_BITS : 0;
    this.x = this.scratch;
    this.from = 0;
    if (this.low > 0) this.split();
    else {
      const { scratch } = this;
      if (divisor > 1) for (let i = 0; i < count; ++i) scratch[i] = (exact[i]! - first) / divisor;
      else for (let i = 0; i < count; ++i) scratch[i] = exact[i]! - first;
    }
  }

  private split(): void {
    const { scratch, count, divisor, first, low, wide } = this;
    const unit = 2 ** low;
    let quotient = 0;
    let high = 0;
    if (divisor === 1 && this.largest < 0x80000000) {
      for (let i = 0; i < count; ++i) {
        quotient = wide[i]! - first;
        scratch[i] = quotient >> low;
        wide[i] = quotient & (unit - 1);
      }
      return;
    }
    for (let i = 0; i < count; ++i) {
      quotient = (wide[i]! - first) / divisor;
      high = (quotient / unit) | 0;
      quotient -= high * unit;
      if (quotient < 0) {
        quotient += unit;
        --high;
      }
      wide[i] = quotient;
      scratch[i] = high;
    }
  }
}
