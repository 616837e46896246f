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
  readonly target: Uint8Array;
  at = 0;
  low = 0;
  range = TOP;
  readonly model: Uint16Array;
  readonly adaptive: AdaptiveModel | undefined;
  private first = 0;

  constructor(target: Uint8Array, isAdaptive: boolean, priors: string) {
    this.target = target;
    if (isAdaptive) this.adaptive = new AdaptiveModel(priors);
    this.model = this.adaptive ? this.adaptive.model : startModel(priors);
  }

  /** Begins a stream at `offset` of the target. */
  start(offset: number): void {
    this.first = offset;
    this.at = offset;
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

  /** Writes the two settled bytes of `low`; `range` is large again. */
  private shift(): void {
    const { target, low } = this;
    if (low > TOP) carry(target, this.at);
    target[this.at++] = low >>> 22;
    target[this.at++] = low >>> 14;
    this.low = (low & 0x3fff) << 16;
    this.range <<= 16;
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
    const length = bitLength(value);
    if (length < 15) this.symbol(base, length);
    else {
      this.symbol(base, 15);
      this.raw(length - 15, 6);
    }
    if (length > 1) this.bits(value - 2 ** (length - 1), length - 1);
  }

  /** Ends the stream with as few bytes as possible and returns the offset behind it; may exceed the buffer. */
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
    while (this.at > this.first && this.target[this.at - 1] === 0) this.at--;
    return this.at;
  }
}

/** Adds one to the bytes before `at`. */
export function carry(target: Uint8Array, at: number): void {
  let i = at - 1;
  while (target[i] === 255) target[i--] = 0;
  target[i]!++;
}
