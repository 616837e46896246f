// A series of whole numbers ready for coding: offset and common divisor removed, width known (firmware/SPEC.md §5.4).
import { gcd } from "./fit.ts";
import { SERIES_BITS } from "./layout.ts";
import { bitLength } from "./range-encoder.ts";

/** What the maker of a series has found out about it. */
export interface Differences {
  count: number;
  /** The value that was taken off all others. */
  first: number;
  /** Common divisor; 0 if all differences are 0. */
  divisor: number;
  least: number;
  most: number;
  /** They stand in `wide`, not in `x`. */
  isWide: boolean;
}

/** Work space for one series at a time; made once per encoder. */
export class Series {
  /** (value - first) / divisor, without the `low` lowest bits. */
  readonly x: Int32Array;
  count = 0;
  first = 0;
  divisor = 1;
  /** Bits of each value that are sent raw. */
  low = 0;
  isConstant = false;
  private exact: Float64Array | undefined;

  constructor(rowsMax: number) {
    this.x = new Int32Array(rowsMax);
  }

  /** Doubles to fill with whole numbers below 2^53 before `reduce`; afterwards the raw parts of the values. */
  get wide(): Float64Array {
    this.exact ??= new Float64Array(this.x.length);
    return this.exact;
  }

  /** Takes differences to a first value from `x` or `wide` as they are. */
  accept(from: Differences): void {
    const { count, isWide } = from;
    this.finish(count, from.first, from.divisor, Math.max(from.most, -from.least));
    const { x } = this;
    if (isWide || this.low > 0) {
      if (!isWide) this.wide.set(x);
      this.split();
    } else if (this.divisor > 1) for (let i = 1; i < count; i++) x[i] = x[i]! / this.divisor;
  }

  /** Takes the `count` numbers in `wide`. */
  reduce(count: number): void {
    const exact = this.wide;
    const first = exact[0]!;
    let divisor = 0;
    let largest = 0;
    for (let i = 0; i < count; i++) {
      const difference = exact[i]! - first;
      exact[i] = difference;
      if (difference > largest) largest = difference;
      else if (-difference > largest) largest = -difference;
      if (divisor !== 1 && (divisor === 0 || difference % divisor !== 0))
        divisor = gcd(difference, divisor);
    }
    this.finish(count, first, divisor, largest);
    this.split();
  }

  private finish(count: number, first: number, divisor: number, largest: number): void {
    this.count = count;
    this.first = first;
    this.isConstant = largest === 0;
    this.divisor = divisor || 1;
    const bits = bitLength(Math.floor(largest / this.divisor));
    this.low = bits > SERIES_BITS ? bits - SERIES_BITS : 0;
  }

  private split(): void {
    const { x, count, divisor, low, wide } = this;
    if (low === 0) {
      for (let i = 0; i < count; i++) x[i] = wide[i]! / divisor;
      return;
    }
    const unit = 2 ** low;
    for (let i = 0; i < count; i++) {
      const quotient = wide[i]! / divisor;
      const high = Math.floor(quotient / unit);
      wide[i] = quotient - high * unit;
      x[i] = high;
    }
  }
}
