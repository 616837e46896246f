// Range coder, reading side (firmware/SPEC.md §3). Reads zeros past the end; any input decodes to something.
import { GodwitError } from "../error.ts";
import type { ReadHeader } from "./header.ts";
import { ADD, adaptiveModel, halve, SHIFT, SUM_MAX, staticModel } from "./model.ts";

const TOP = 0x3fffffff;
const BOTTOM = 0x400000;

export class RangeDecoder {
  private readonly bytes: Uint8Array;
  private readonly end: number;
  private at: number;
  private code = 0;
  private range = TOP;
  private readonly model: Uint16Array;
  private readonly adaptive: boolean;

  /** Decodes the bytes behind the header up to, but not including, `end`. */
  constructor(bytes: Uint8Array, header: ReadHeader, end: number, priors: string) {
    this.bytes = bytes;
    this.at = header.bodyOffset;
    this.end = end;
    this.adaptive = header.profile === "adaptive";
    this.model = this.adaptive ? adaptiveModel(priors) : staticModel(priors);
    for (let i = 0; i < 3; i++) this.code = (this.code << 8) | this.byte(i);
    this.code = (this.code << 6) | (this.byte(3) >> 2);
  }

  private byte(ahead: number): number {
    const at = this.at + ahead;
    return at < this.end ? this.bytes[at]! : 0;
  }

  private shift(): void {
    do {
      const two = this.byte(3) & 3;
      this.at++;
      this.code = ((this.code << 8) | (two << 6) | (this.byte(3) >> 2)) & TOP;
      this.range <<= 8;
    } while (this.range < BOTTOM);
  }

  /** @throws GodwitError `malformed` on a state that no encoder leaves behind. */
  symbol(base: number): number {
    const model = this.model;
    const sum = this.adaptive ? model[base]! : 1 << SHIFT;
    const part = (this.range / sum) | 0;
    const target = (this.code / part) | 0;
    if (target >= sum) throw new GodwitError("malformed", "delta batch: impossible range state");
    let s = 0;
    let below = 0;
    let weight: number;
    if (this.adaptive) {
      weight = model[base + 1]!;
      while (below + weight <= target) {
        below += weight;
        weight = model[base + ++s + 1]!;
      }
      model[base + s + 1] = weight + ADD;
      model[base] = sum + ADD;
      if (sum > SUM_MAX) halve(model, base);
    } else {
      while (model[base + s + 1]! <= target) s++;
      below = model[base + s]!;
      weight = model[base + s + 1]! - below;
    }
    this.code -= part * below;
    this.range = part * weight;
    if (this.range < BOTTOM) this.shift();
    return s;
  }

  /** `count` (at most 12) bits. */
  raw(count: number): number {
    this.range >>>= count;
    const value = (this.code / this.range) | 0;
    if (value >= 1 << count)
      throw new GodwitError("malformed", "delta batch: impossible range state");
    this.code -= value * this.range;
    if (this.range < BOTTOM) this.shift();
    return value;
  }

  /** Raw bits of any count up to 53, high part first. */
  bits(count: number): number {
    let left = count;
    let value = 0;
    while (left > 12) {
      left -= 12;
      value = value * 4096 + this.raw(12);
    }
    return value * 2 ** left + this.raw(left);
  }

  /**
   * A whole number from 0 to 2^53 - 1.
   * @throws GodwitError `malformed` if it exceeds `max`.
   */
  number(base: number, max: number): number {
    let length = this.symbol(base);
    if (length === 15) length += this.raw(6);
    if (length > 53) throw new GodwitError("malformed", "delta batch: number too long");
    const value = length > 1 ? 2 ** (length - 1) + this.bits(length - 1) : length;
    if (value > max) throw new GodwitError("malformed", `delta batch: ${value} exceeds ${max}`);
    return value;
  }
}
