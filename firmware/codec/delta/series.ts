// A series of whole numbers prepared for coding: offset and common divisor removed, width known (firmware/SPEC.md §5.4).
import { gcd } from "./fit.ts";
import { SERIES_BITS } from "./layout.ts";
import { bitLength } from "./range-encoder.ts";

/** Work space for one series; made once per encoder. */
export class Series {
  /** After `reduce`: (value - first) / divisor, without its `low` lowest bits. */
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

  /** Doubles to fill with whole numbers below 2^53 before `reduceWide`. */
  get wide(): Float64Array {
    this.exact ??= new Float64Array(this.x.length);
    return this.exact;
  }

  /** Prepares `x`, which holds `count` numbers below 2^30 in size. */
  reduce(count: number): void {
    const x = this.x;
    const first = x[0]!;
    let divisor = 0;
    let sizes = 0;
    for (let i = 0; i < count; i++) {
      const difference = x[i]! - first;
      x[i] = difference;
      sizes |= difference ^ (difference >> 31);
      if (divisor !== 1 && (divisor === 0 || difference % divisor !== 0))
        divisor = gcd(difference, divisor);
    }
    this.finish(count, first, divisor, bitLength(sizes));
    if (this.low > 0) this.split(x);
    else if (this.divisor > 1) for (let i = 1; i < count; i++) x[i] = x[i]! / this.divisor;
  }

  /** Prepares the `count` numbers in `wide`. */
  reduceWide(count: number): void {
    const exact = this.wide;
    const first = exact[0]!;
    let divisor = 0;
    let largest = 0;
    for (let i = 0; i < count; i++) {
      const difference = exact[i]! - first;
      exact[i] = difference;
      largest = Math.max(largest, Math.abs(difference));
      if (divisor !== 1) divisor = gcd(difference, divisor);
    }
    this.finish(count, first, divisor, bitLength(largest));
    this.split(exact);
  }

  private finish(count: number, first: number, divisor: number, bits: number): void {
    this.count = count;
    this.first = first;
    this.isConstant = divisor === 0;
    this.divisor = divisor || 1;
    this.low = Math.max(0, bits - bitLength(this.divisor) + 1 - SERIES_BITS);
  }

  private split(from: Int32Array | Float64Array): void {
    const { x, count, divisor, wide } = this;
    const unit = 2 ** this.low;
    for (let i = 0; i < count; i++) {
      const quotient = from[i]! / divisor;
      const high = Math.floor(quotient / unit);
      wide[i] = quotient - high * unit;
      x[i] = high;
    }
  }

  /** The raw part of value `i`. */
  lowAt(i: number): number {
    return this.wide[i]!;
  }
}
