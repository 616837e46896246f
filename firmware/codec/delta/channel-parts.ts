// Parts of a channel beside its series (firmware/SPEC.md §5): who is missing, who is corrected, texts, lowest bits.
// biome-ignore-all lint/suspicious/noAssignInExpressions: the interpreter need not load an assigned value again
import { encodeUtf8 } from "../utf8.ts";
import type { Column } from "./column.ts";
import type { FloatBits } from "./float-bits.ts";
import { PLAIN, RAW, T_EXACT, T_LENGTH, T_PRESENT, T_SMALL, T_ULP, TEXT } from "./layout.ts";
import { BELOW, SHIFT, WEIGHT, WEIGHTS } from "./model.ts";
import { BOTTOM, carry, type RangeEncoder, TOP } from "./range-encoder.ts";

const STEP = PLAIN + 1;

/** The 64 bits of a double. */
export function writeDouble(coder: RangeEncoder, value: number, bits: FloatBits): void {
  coder.raw(value < 0 ? 1 : 0, 1);
  coder.bits(Math.abs(bits.order64(value)), 51);
  coder.raw(bits.low12(value), 12);
}

/**
 * `count` flags of which those at `places[0]`, `places[stride]`, … are set, four per symbol. The table follows
 * the four before: none, some or all set.
 */
function writeFlags(
  coder: RangeEncoder,
  base: number,
  places: readonly number[],
  stride: number,
  count: number,
): void {
  const { model, units } = coder;
  let { at, low, range } = coder;
  let table = base;
  let entry = 0;
  let pattern = 0;
  let next = 0;
  let place = places[0]!;
  let row = 0;
  do {
    pattern = 0;
    while (place < row + 4) {
      pattern |= 1 << (place - row);
      next += stride;
      place = next < places.length ? places[next]! : count + 4;
    }
    // As `coder.symbol`, in line; these tables do not adapt.
    if (range < BOTTOM) {
      if (low > TOP) if (++units[at - 1]! > 0xffff) carry(units, at - 1);
      units[at] = low >>> 14;
      ++at;
      low = (low & 0x3fff) << 16;
      range <<= 16;
    }
    entry = model[table + pattern + 1]!;
    low += (range >>>= SHIFT) * (entry >>> BELOW);
    range *= (entry >>> WEIGHT) & WEIGHTS;
    table = base;
    if (pattern) table += pattern === 15 ? 2 * STEP : STEP;
  } while ((row += 4) < count);
  coder.resume(low, range, at);
}

export function writePresence(coder: RangeEncoder, missing: readonly number[], rows: number): void {
  writeFlags(coder, T_PRESENT, missing, 1, rows);
}

export function writeCorrections(
  coder: RangeEncoder,
  column: Column,
  count: number,
  bits: FloatBits,
): void {
  const { exceptions, raws } = column;
  writeFlags(coder, T_EXACT, exceptions, 2, count);
  let raw = 0;
  for (let i = 1; i < exceptions.length; i += 2) {
    const code = exceptions[i]!;
    coder.number(T_ULP, code - 1);
    if (code === RAW) writeDouble(coder, raws[raw++]!, bits);
  }
}

/** The twelve lowest bits of doubles: once if they never change. */
export function writeLowBits(
  coder: RangeEncoder,
  column: Column,
  rows: number,
  bits: FloatBits,
): void {
  const { missing, exceptions } = column;
  const doubles = column.doubles!;
  const lows: number[] = [];
  let gap = 0;
  for (let row = 0; row < rows; row++) {
    if (missing[gap] === row) gap++;
    else lows.push(bits.low12(doubles[row]!));
  }
  const isSame = exceptions.length === 0 && lows.every((low) => low === lows[0]);
  coder.raw(isSame ? 1 : 0, 1);
  if (isSame) coder.raw(lows[0]!, 12);
  else for (const low of lows) coder.raw(low, 12);
}

/** Texts or objects up to the last one in use. */
export function writeEntries(coder: RangeEncoder, column: Column, rows: number): void {
  const most = column.lastEntry(rows);
  coder.number(T_SMALL, most + 1);
  for (let entry = 0; entry <= most; entry++) {
    const text = column.entries[entry]!;
    const bytes = column.quantum.kind === TEXT ? encodeUtf8(text) : undefined;
    const length = bytes ? bytes.length : text.length;
    coder.number(T_LENGTH, length);
    for (let i = 0; i < length; i++) coder.raw(bytes ? bytes[i]! : text.charCodeAt(i), 8);
  }
}
