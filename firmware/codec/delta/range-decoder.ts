// Range coder, reading side (firmware/SPEC.md §3). Reads zeros past the end; any input decodes to something.
import { GodwitError } from "../error.ts";
import type { ReadHeader } from "./header.ts";
import { T_CACHE } from "./layout.ts";
import { AdaptiveModel, BELOW, MOVES, SHIFT, startModel, WEIGHT, WEIGHTS } from "./model.ts";

const TOP = 0x3fffffff;
const BOTTOM = 0x4000;
const LONGEST = 26;

export class RangeDecoder {
  private readonly bytes: Uint8Array;
  private readonly start: number;
  private readonly end: number;
  private tail: number;
  private at: number;
  private code = 0;
  /** Pair of which two bits have not entered `code` yet. */
  private last = 0;
  private range = TOP;
  /** How the last symbol moves the state of a scale, as in the entries of the model. */
  move = 0;
  private readonly model: Int32Array;
  private readonly adaptive: AdaptiveModel | undefined;

  /** Decodes the bytes behind the header up to, but not including, `end`. */
  constructor(bytes: Uint8Array, header: ReadHeader, end: number, priors: string) {
    this.bytes = bytes;
    this.at = header.bodyOffset;
    this.start = this.at;
    this.end = end;
    this.tail = end;
    if (header.profile === "adaptive") this.adaptive = new AdaptiveModel(priors);
    this.model = this.adaptive ? this.adaptive.model : startModel(priors);
    this.last = this.pair();
    this.code = this.last >> 2;
    this.shift();
    this.range = TOP;
  }

  /** The next two bytes, low one first. */
  private pair(): number {
    const { at, bytes, end } = this;
    this.at = at + 2;
    return (at < end ? bytes[at]! : 0) | (at + 1 < end ? bytes[at + 1]! << 8 : 0);
  }

  private shift(): void {
    const next = this.pair();
    this.code = ((this.code << 16) | ((this.last << 14) & 0xffff) | (next >> 2)) & TOP;
    this.last = next;
    this.range <<= 16;
  }

  /** @throws GodwitError `malformed` on a state that no encoder leaves behind. */
  symbol(base: number): number {
    const { adaptive, model } = this;
    if (this.range < BOTTOM) this.shift();
    const part = this.range >>> SHIFT;
    const target = (this.code / part) | 0;
    if (target >= 1 << SHIFT)
      throw new GodwitError("malformed", "delta batch: impossible range state");
    let s = 0;
    let entry = model[base + 1]!;
    while ((entry >>> BELOW) + ((entry >>> WEIGHT) & WEIGHTS) <= target)
      entry = model[base + ++s + 1]!;
    this.code -= part * (entry >>> BELOW);
    this.range = part * ((entry >>> WEIGHT) & WEIGHTS);
    this.move = entry & MOVES;
    if (adaptive && base >= T_CACHE) adaptive.count(base, s);
    return s;
  }

  /** `count` (at most 12) bits. */
  raw(count: number): number {
    if (this.range < 4 << count) this.shift();
    return this.piece(count);
  }

  /** `count` bits for which `range` has room. */
  private piece(count: number): number {
    this.range >>>= count;
    const value = (this.code / this.range) | 0;
    if (value >= 1 << count)
      throw new GodwitError("malformed", "delta batch: impossible range state");
    this.code -= value * this.range;
    return value;
  }

  /** Raw bits of any count up to 53, high part first. */
  bits(count: number): number {
    if (count <= 12) return this.raw(count);
    let left = count;
    let value = 0;
    if (this.range < BOTTOM) this.shift();
    while (left > LONGEST || this.range < 4 << left) {
      left -= 12;
      value = value * 4096 + this.raw(12);
      if (this.range < BOTTOM) this.shift();
    }
    return value * 2 ** left + this.piece(left);
  }

  /** The next 16 bits of the tail, from the end of the batch backwards. */
  takeTail(): number {
    const at = this.tail - 2;
    if (at < this.start) throw new GodwitError("malformed", "delta batch: no tail left");
    this.tail = at;
    return this.bytes[at]! | (this.bytes[at + 1]! << 8);
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
