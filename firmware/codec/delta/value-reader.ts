// Whole numbers of a decoded channel to its values (firmware/SPEC.md §5.1).
import { GodwitError } from "../error.ts";
import type { FloatBits } from "./float-bits.ts";
import { BLOB, BOOLEAN, FLOAT32, NEGATIVE_ZERO, TEXT } from "./layout.ts";
import { type Quantum, WHOLE_MAX } from "./quantum.ts";
import type { RangeDecoder } from "./range-decoder.ts";

/** Correction codes by present value; a value that was sent whole stands in a box. */
export type Corrections = Map<number, number | { raw: number }>;

export interface ValueSource {
  wholes: Float64Array;
  codes: Corrections | undefined;
  /** Texts or objects by number. */
  entries: readonly unknown[];
  /** For messages. */
  channel: number;
}

/** The error for a batch that breaks its format. */
export function malformed(text: string): GodwitError {
  return new GodwitError("malformed", `delta batch: ${text}`);
}

/** Values of every kind but FLOAT64. @throws GodwitError `malformed` for a number that stands for nothing */
export function valuesOf(source: ValueSource, quantum: Quantum): unknown[] {
  const { wholes, codes, entries, channel } = source;
  const { kind } = quantum;
  return Array.from(wholes, (whole, i) => {
    if (kind === TEXT || kind === BLOB) {
      if (!(whole >= 0 && whole < entries.length))
        throw malformed(`entry ${whole} of ${entries.length} in channel ${channel}`);
      return entries[whole];
    }
    if (kind === BOOLEAN) {
      if (whole !== 0 && whole !== 1) throw malformed(`boolean ${whole} in channel ${channel}`);
      return whole === 1;
    }
    const code = codes?.get(i);
    if (typeof code === "object") return code.raw;
    if (code === NEGATIVE_ZERO) return -0;
    if (Math.abs(whole) > WHOLE_MAX || (kind === FLOAT32 && Math.abs(whole) > 0x7fffffff))
      throw malformed(`number ${whole} in channel ${channel}`);
    if (code === undefined) return quantum.toValue(whole);
    if (!quantum.hasSteps) throw malformed(`correction ${code} in channel ${channel}`);
    const value = quantum.stepped(whole, code & 1 ? -((code + 1) >> 1) : code >> 1);
    if (Number.isNaN(value)) throw malformed(`correction ${code} past zero in channel ${channel}`);
    return value;
  });
}

/** Values of kind FLOAT64, whose lowest bits come next in the stream. */
export function doublesOf(source: ValueSource, coder: RangeDecoder, bits: FloatBits): number[] {
  const { wholes, codes, channel } = source;
  const isSame = coder.raw(1) === 1;
  let low = 0;
  return Array.from(wholes, (whole, i) => {
    if (i === 0 || !isSame) low = coder.raw(12);
    if (Math.abs(whole) >= 2 ** 51) throw malformed(`number ${whole} in channel ${channel}`);
    const code = codes?.get(i);
    if (typeof code === "object") return code.raw;
    if (code === NEGATIVE_ZERO) return -0;
    if (code !== undefined) throw malformed(`correction ${code} in channel ${channel}`);
    return bits.fromOrder64(whole, low, whole < 0);
  });
}
