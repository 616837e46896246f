// Range coder with carry, writing side (G. N. N. Martin 1979; firmware/SPEC.md §3). All numbers stay below 2^31.
import { T_CACHE } from "./layout.ts";
import { AdaptiveModel, SHIFT, startModel } from "./model.ts";

export const TOP = 0x3fffffff;
/** A range below this makes room for two more bytes. */
export const BOTTOM = 0x4000;

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
  readonly model: Uint16Array;
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
    const { adaptive, model } = this;
    const part = this.range >>> SHIFT;
    const below = model[base + s]!;
    this.low += part * below;
    this.range = part * (model[base + s + 1]! - below);
    if (this.range < BOTTOM) this.shift();
    if (adaptive && base >= T_CACHE) adaptive.count(base, s);
  }

  /** Codes the `count` (at most 12) low bits of `value` as they are. */
  raw(value: number, count: number): void {
    this.range >>>= count;
    this.low += value * this.range;
    if (this.range < BOTTOM) this.shift();
  }

  /** Writes the settled pair of bytes of `low`; `range` is large again. */
  private shift(): void {
    const { units, low } = this;
    if (low > TOP) carry(units, this.at);
    units[this.at++] = low >>> 14;
    this.low = (low & 0x3fff) << 16;
    this.range <<= 16;
  }

  /** The `count` low bits of every value from the second on. */
  rawAll(values: Float64Array, length: number, count: number): void {
    if (count > 12) {
      for (let i = 1; i < length; i++) this.bits(values[i]!, count);
      return;
    }
    const { units } = this;
    let { at, low, range } = this;
    for (let i = 1; i < length; ++i) {
      range >>>= count;
      low += values[i]! * range;
      if (range < BOTTOM) {
        if (low > TOP) carry(units, at);
        units[at++] = low >>> 14;
        low = (low & 0x3fff) << 16;
        range <<= 16;
      }
    }
    this.resume(low, range, at);
  }

  /** Raw bits of any count up to 53, high part first. */
  bits(value: number, count: number): void {
    let left = count;
    let rest = value;
    while (left > 24) {
      left -= 12;
      const unit = 2 ** left;
      const part = Math.floor(rest / unit);
      this.raw(part, 12);
      rest -= part * unit;
    }
    if (left > 12) {
      left -= 12;
      this.raw(rest >> left, 12);
      rest &= (1 << left) - 1;
    }
    this.raw(rest, left);
  }

  /** A whole number from 0 to 2^53 - 1: its length by the table at `base`, the rest raw. */
  number(base: number, value: number): void {
    if (value === 0) {
      this.symbol(base, 0);
      return;
    }
    const length = bitLength(value);
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

  /** Ends the stream with as few bytes as possible and returns their number, even if there was no room for them. */
  finish(): number {
    const last = this.low + this.range - 1;
    let value = this.low;
    for (let zeros = 30; zeros > 0; zeros--) {
      value = (last >>> zeros) << zeros;
      if (value >= this.low) break;
      value = this.low;
    }
    this.low = value;
    this.shift();
    this.shift();
    const { units } = this;
    let { at } = this;
    while (at > 0 && units[at - 1] === 0) at--;
    return at > 0 && units[at - 1]! < 256 ? 2 * at - 1 : 2 * at;
  }
}

/** Adds one to the pairs before `at`. */
export function carry(units: Uint16Array, at: number): void {
  let i = at - 1;
  while (units[i] === 0xffff) units[i--] = 0;
  units[i]!++;
}
