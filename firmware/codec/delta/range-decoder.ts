// Range coder, reading side (firmware/SPEC.md §3). Reads zeros past the end; any input decodes to something.
import { GodwitError } from "../error.ts";
import type { ReadHeader } from "./header.ts";
import { T_CACHE } from "./layout.ts";
import { AdaptiveModel, SHIFT, startModel } from "./model.ts";

const TOP = 0x3fffffff;
const BOTTOM = 0x4000;

export class RangeDecoder {
  private readonly bytes: Uint8Array;
  private readonly end: number;
  private at: number;
  private code = 0;
  private range = TOP;
  private readonly model: Uint16Array;
  private readonly adaptive: AdaptiveModel | undefined;

  /** Decodes the bytes behind the header up to, but not including, `end`. */
  constructor(bytes: Uint8Array, header: ReadHeader, end: number, priors: string) {
    this.bytes = bytes;
    this.at = header.bodyOffset;
    this.end = end;
    if (header.profile === "adaptive") this.adaptive = new AdaptiveModel(priors);
    this.model = this.adaptive ? this.adaptive.model : startModel(priors);
    for (let i = 0; i < 3; i++) this.code = (this.code << 8) | this.byte(i);
    this.code = (this.code << 6) | (this.byte(3) >> 2);
  }

  private byte(ahead: number): number {
    const at = this.at + ahead;
    return at < this.end ? this.bytes[at]! : 0;
  }

  private shift(): void {
    const high = ((this.byte(3) & 3) << 14) | (this.byte(4) << 6);
    this.at += 2;
    this.code = ((this.code << 16) | high | (this.byte(3) >> 2)) & TOP;
    this.range <<= 16;
  }

  /** @throws GodwitError `malformed` on a state that no encoder leaves behind. */
  symbol(base: number): number {
    const { adaptive, model } = this;
    const part = this.range >>> SHIFT;
    const target = (this.code / part) | 0;
    if (target >= 1 << SHIFT)
      throw new GodwitError("malformed", "delta batch: impossible range state");
    let s = 0;
    while (model[base + s + 1]! <= target) s++;
    const below = model[base + s]!;
    this.code -= part * below;
    this.range = part * (model[base + s + 1]! - below);
    if (this.range < BOTTOM) this.shift();
    if (adaptive && base >= T_CACHE) adaptive.count(base, s);
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
