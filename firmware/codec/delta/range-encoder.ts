// Range coder with carry, writing side (G. N. N. Martin 1979; firmware/SPEC.md §3). All numbers stay below 2^31.
// biome-ignore-all lint/suspicious/noAssignInExpressions: the interpreter need not load an assigned value again
import { T_CACHE } from "./layout.ts";
import { AdaptiveModel, BELOW, SHIFT, startModel, WEIGHT, WEIGHTS } from "./model.ts";

export const TOP = 0x3fffffff;
/** A range below this makes room for two more bytes. */
export const BOTTOM = 0x4000;
/** Raw bits that are coded in one piece at most. */
const LONGEST = 26;

/** Length of `value` in bits; 0 for 0. Whole numbers up to 2^53. */
export function bitLength(value: number): number {
  return value < 0x80000000 ? 32 - Math.clz32(value) : 63 - Math.clz32(value / 0x80000000);
}

/** Symbols and raw bits to bytes. Past the end of its buffer it only counts: see `finish`. */
export class RangeEncoder {
  /** The state is open to series-encoder.ts, which has the arithmetic in line. */
  readonly units: Uint16Array;
  at = 0;
  low = 0;
  range = TOP;
  /** Where the tail begins: raw pairs of bytes from the end of `units` downwards. */
  tail = 0;
  readonly model: Int32Array;
  readonly adaptive: AdaptiveModel | undefined;

  /** @param units where a stream goes, in pairs of bytes: every board and host has the low byte first */
  constructor(units: Uint16Array, isAdaptive: boolean, priors: string) {
    this.units = units;
    if (isAdaptive) this.adaptive = new AdaptiveModel(priors);
    this.model = this.adaptive ? this.adaptive.model : startModel(priors);
  }

  /** Begins a stream. */
  start(): void {
    this.at = 0;
    this.low = 0;
    this.range = TOP;
    this.tail = this.units.length;
    this.adaptive?.reset();
  }

  /** Goes on with a state that was moved in line. */
  resume(low: number, range: number, at: number): void {
    this.low = low;
    this.range = range;
    this.at = at;
  }

  /** Codes symbol `s` of the table at `base`. */
  symbol(base: number, s: number): void {
    if (this.range < BOTTOM) this.shift();
    const entry = this.model[base + s + 1]!;
    const part = this.range >>> SHIFT;
    this.low += part * (entry >>> BELOW);
    this.range = part * ((entry >>> WEIGHT) & WEIGHTS);
    if (base >= T_CACHE) this.adaptive?.count(base, s);
  }

  /** Codes the `count` (at most 12) low bits of `value` as they are. */
  raw(value: number, count: number): void {
    if (this.range < 4 << count) this.shift();
    this.range >>>= count;
    this.low += value * this.range;
  }

  /** Writes the settled pair of bytes of `low`; `range` is large again. */
  private shift(): void {
    const at = this.at;
    const low = this.low;
    if (low > TOP) if (++this.units[at - 1]! > 0xffff) carry(this.units, at - 1);
    this.units[at] = low >>> 14;
    this.at = at + 1;
    this.low = (low & 0x3fff) << 16;
    this.range <<= 16;
  }

  /** The `count` low bits of every value from the second on. */
  rawAll(values: Float64Array, length: number, count: number): void {
    if (count > 12) {
      for (let i = 1; i < length; i++) this.bits(values[i]!, count);
      return;
    }
    const units = this.units;
    const last = length - 1;
    const full = 4 << count;
    let { at, low, range } = this;
    let i = 0;
    do {
      if (range < full) {
        if (low > TOP) if (++units[at - 1]! > 0xffff) carry(units, at - 1);
        units[at] = low >>> 14;
        ++at;
        low = (low & 0x3fff) << 16;
        range <<= 16;
      }
      low += values[++i]! * (range >>>= count);
    } while (i < last);
    this.resume(low, range, at);
  }

  /** Raw bits of any count up to 53, high part first; in one piece if `range` has room. */
  bits(value: number, count: number): void {
    if (count <= 12) {
      this.raw(value, count);
      return;
    }
    let left = count;
    let rest = value;
    if (this.range < BOTTOM) this.shift();
    while (left > LONGEST || this.range < 4 << left) {
      left -= 12;
      const unit = 2 ** left;
      const part = Math.floor(rest / unit);
      this.raw(part, 12);
      if (this.range < BOTTOM) this.shift();
      rest -= part * unit;
    }
    this.range >>>= left;
    this.low += rest * this.range;
  }

  /** A whole number from 0 to 2^53 - 1: its length by the table at `base`, the rest raw. */
  number(base: number, value: number): void {
    if (value === 0) {
      this.symbol(base, 0);
      return;
    }
    const length = value < 0x80000000 ? 32 - Math.clz32(value) : bitLength(value);
    if (length < 14) {
      this.symbol(base, length);
      if (length > 1) this.raw(value - (1 << (length - 1)), length - 1);
      return;
    }
    if (length < 15) this.symbol(base, length);
    else {
      this.symbol(base, 15);
      this.raw(length - 15, 6);
    }
    this.bits(value - 2 ** (length - 1), length - 1);
  }

  /** Ends the stream with as few pairs of bytes as possible; returns how many bytes, even if they had no room. */
  finish(): number {
    const { low } = this;
    const last = low + this.range - 1;
    // The highest bit that is in `last`, but not yet in what lies before `low`: all bits below it may be zero.
    const zeros = 31 - Math.clz32((low - 1) ^ last);
    this.low = (last >>> zeros) << zeros;
    this.shift();
    this.shift();
    const { tail, units } = this;
    let { at } = this;
    if (tail < units.length) {
      // No zero may be taken off before the tail: a decoder would take its bytes instead.
      units.copyWithin(at, tail);
      return 2 * (at + units.length - tail);
    }
    while (at > 0 && units[at - 1] === 0) at--;
    return at > 0 && units[at - 1]! < 256 ? 2 * at - 1 : 2 * at;
  }
}

/** Adds one to the pairs before `at`: the pair there has wrapped. */
export function carry(units: Uint16Array, at: number): void {
  let i = at;
  while (++units[--i]! > 0xffff);
}
