// A series of whole numbers ready for coding: offset and common divisor removed, width known (firmware/SPEC.md §6).
// biome-ignore-all lint/suspicious/noAssignInExpressions: the interpreter need not load an assigned value again
import { gcd } from "./fit.ts";
import { MEAN_BITS, SERIES_BITS, TAIL_BITS } from "./layout.ts";
import { bitLength, type RangeEncoder } from "./range-encoder.ts";

/** Differences whose common divisor is taken before the others are tried with it. */
const GCD_VALUES = 8;
/** Values that are asked whether their low bits are noise, and steps from which on they are. */
const NOISE_VALUES = 9;
const NOISE = 2 ** 18;

/** One series at a time, and work space for it; made once per encoder. */
export class Series {
  /** The series is `x[from..from + count)`, of which only differences count. */
  x: Int32Array;
  from = 0;
  count = 0;
  /** The first number, before the divisor was taken off. */
  first = 0;
  divisor = 1;
  /** Bits of each value that are sent raw. */
  low = 0;
  isConstant = false;
  /** The numbers have more than MEAN_BITS. */
  isWide = false;
  /** What `split` takes off the numbers in `wide`, and divides by. */
  private origin = 0;
  private pitch = 1;
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

  /**
   * Takes `count` numbers of less than SERIES_BITS, of less than MEAN_BITS unless `isWide`, from `cells`, which are
   * left alone unless they are `scratch`.
   */
  adopt(cells: Int32Array, from: number, count: number, isWide = false): void {
    const first = cells[from]!;
    const end = from + count;
    let at = from + 1;
    let divisor = 0;
    while (at < end && cells[at] === first) ++at;
    this.isConstant = at >= end;
    for (const sure = at + GCD_VALUES; at < sure && at < end && divisor !== 1; ++at)
      divisor = gcd(cells[at]! - first, divisor);
    this.count = count;
    this.first = first;
    this.low = 0;
    this.isWide = isWide;
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
    const first = this.first;
    const scratch = this.scratch;
    const last = this.count - 1;
    let at = this.from - 1;
    let i = -1;
    let difference = 0;
    do {
      scratch[++i] = (difference = cells[++at]! - first) / divisor;
      if (difference % divisor) {
        if (cells === scratch) {
          cells[i] = difference + first;
          while (--i >= 0) cells[i] = cells[i]! * divisor + first;
        }
        return difference;
      }
    } while (i < last);
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

  /** Takes the `count` numbers from `least` to `most` in `wide`; those beyond SERIES_BITS wait for `split`. */
  reduce(count: number, least: number, most: number): void {
    const exact = this.wide;
    const first = exact[0]!;
    const largest = Math.max(most - first, first - least);
    const common = this.commonDivisor(exact, first, count);
    const divisor = common || 1;
    this.count = count;
    this.first = first;
    this.isConstant = common === 0;
    this.divisor = divisor;
    this.pitch = divisor;
    this.origin = first;
    const bits = bitLength(Math.floor(largest / divisor));
    this.low = bits > SERIES_BITS ? bits - SERIES_BITS : 0;
    this.isWide = bits > MEAN_BITS;
    this.x = this.scratch;
    this.from = 0;
    if (this.low === 0) this.move(exact, first, divisor, count);
    else if (this.low < TAIL_BITS && this.isNoisy(exact, count)) this.low = TAIL_BITS;
  }

  private commonDivisor(exact: Float64Array, first: number, count: number): number {
    let divisor = 0;
    let difference = 0;
    for (let i = 1; i < count && divisor !== 1; ++i) {
      difference = exact[i]! - first;
      if (divisor === 0 || difference % divisor !== 0) divisor = gcd(difference, divisor);
    }
    return divisor;
  }

  private move(exact: Float64Array, first: number, divisor: number, count: number): void {
    const scratch = this.scratch;
    let i = count;
    if (divisor > 1) while (i) scratch[--i] = (exact[i]! - first) / divisor;
    else while (i) scratch[--i] = exact[i]! - first;
  }

  /** Whether as many low bits as the tail takes look like noise: the first few steps are much larger. */
  private isNoisy(exact: Float64Array, count: number): boolean {
    const end = Math.min(count, NOISE_VALUES);
    let noisy = 0;
    for (let i = 1; i < end; ++i)
      if (Math.abs(exact[i]! - exact[i - 1]!) >= this.pitch * NOISE) ++noisy;
    return 2 * noisy >= end;
  }

  /** Takes the low bits off numbers that are too wide; 16 of them go into the tail of `coder`. */
  split(coder: RangeEncoder): void {
    const { count, low, origin, pitch, scratch, wide } = this;
    const { units } = coder;
    const unit = 2 ** low;
    let { tail } = coder;
    let i = 0;
    let quotient = 0;
    scratch[0] = 0;
    if (low === TAIL_BITS) {
      while (++i < count) {
        // The tail takes the number modulo 2^16.
        units[--tail] = quotient = (wide[i]! - origin) / pitch;
        scratch[i] = (quotient - (quotient & 0xffff)) / unit;
      }
    } else {
      while (++i < count) {
        quotient = (wide[i]! - origin) / pitch;
        const high = Math.floor(quotient / unit);
        scratch[i] = high;
        quotient -= high * unit;
        if (low > TAIL_BITS) {
          units[--tail] = quotient;
          quotient = Math.floor(quotient / 0x10000);
        }
        wide[i] = quotient;
      }
    }
    coder.tail = tail;
  }
}
