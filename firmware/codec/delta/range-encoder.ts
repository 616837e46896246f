// Range coder with carry, writing side (G. N. N. Martin 1979; firmware/SPEC.md §3). All numbers stay below 2^31.
import { ADD, adaptiveModel, halve, SHIFT, SUM_MAX, staticModel } from "./model.ts";

const TOP = 0x3fffffff;
/** A range below this makes room for another byte. */
export const BOTTOM = 0x400000;

/** Length of `value` in bits; 0 for 0. Whole numbers up to 2^53. */
export function bitLength(value: number): number {
  return value < 0x80000000 ? 32 - Math.clz32(value) : 63 - Math.clz32(value / 0x80000000);
}

/** Symbols and raw bits to bytes. Past the end of its buffer it only counts: see `length`. */
export class RangeEncoder {
  private readonly target: Uint8Array;
  private at = 0;
  private first = 0;
  low = 0;
  range = TOP;
  readonly model: Uint16Array;
  /** Start weights, copied back before each adaptive stream. */
  private readonly trained: Uint16Array | undefined;
  readonly adaptive: boolean;

  constructor(target: Uint8Array, adaptive: boolean, priors: string) {
    this.target = target;
    this.adaptive = adaptive;
    this.model = adaptive ? adaptiveModel(priors) : staticModel(priors);
    if (adaptive) this.trained = this.model.slice();
  }

  /** Begins a stream at `offset` of the target. */
  start(offset: number): void {
    this.first = offset;
    this.at = offset;
    this.low = 0;
    this.range = TOP;
    if (this.trained) this.model.set(this.trained);
  }

  /** Codes symbol `s` of the table at `base`. */
  symbol(base: number, s: number): void {
    const model = this.model;
    const at = base + s + 1;
    if (this.adaptive) {
      const sum = model[base]!;
      const part = (this.range / sum) | 0;
      let below = 0;
      for (let i = base + 1; i < at; i++) below += model[i]!;
      const weight = model[at]!;
      this.low += part * below;
      this.range = part * weight;
      model[at] = weight + ADD;
      model[base] = sum + ADD;
      if (sum > SUM_MAX) halve(model, base);
    } else {
      const part = this.range >>> SHIFT;
      const below = model[at - 1]!;
      this.low += part * below;
      this.range = part * (model[at]! - below);
    }
    if (this.range < BOTTOM) this.shift();
  }

  /** Codes the `count` (at most 12) low bits of `value` as they are. */
  raw(value: number, count: number): void {
    this.range >>>= count;
    this.low += value * this.range;
    if (this.range < BOTTOM) this.shift();
  }

  private shift(): void {
    this.low = this.carry(this.low, this.range);
  }

  /** Writes the settled bytes of `low` until `range` is large again; returns the rest, `range` is set. */
  carry(low: number, range: number): number {
    const { target } = this;
    let at = this.at;
    let rest = low;
    let wide = range;
    if (rest > TOP) {
      let i = at - 1;
      while (target[i] === 255) target[i--] = 0;
      target[i]!++;
      rest &= TOP;
    }
    do {
      target[at++] = rest >>> 22;
      rest = (rest & 0x3fffff) << 8;
      wide <<= 8;
    } while (wide < BOTTOM);
    this.at = at;
    this.range = wide;
    return rest;
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

  /** Offset behind the last byte if the stream ended now; may exceed the buffer. */
  get length(): number {
    return this.at + 4;
  }

  /** Ends the stream with as few bytes as possible and returns the offset behind it. */
  finish(): number {
    const last = this.low + this.range - 1;
    let value = this.low;
    for (let zeros = 30; zeros > 0; zeros--) {
      value = (last >>> zeros) << zeros;
      if (value >= this.low) break;
      value = this.low;
    }
    this.low = value;
    for (let i = 0; i < 4; i++) {
      this.range = BOTTOM >> 8;
      this.shift();
    }
    while (this.at > this.first && this.target[this.at - 1] === 0) this.at--;
    return this.at;
  }
}
