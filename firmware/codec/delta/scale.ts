// States of a residual's scale: table, raw bits, and where a symbol moves them (firmware/SPEC.md §6.1).
import { RESIDUAL_STEP, T_RESIDUAL, ZERO } from "./layout.ts";

/** Sixteen times the mean residual that the small states stand for; each has a table of its own. */
const SMALL = [0, 2, 4, 6, 8, 11, 14, 18, 23, 29, 36, 45] as const;
/** Two wide states per octave from here on: sizes of the first two, and what ends each of the next moves. */
const WIDE = [64, 91] as const;
const WIDE_STEPS = [76, 108, 152, 215] as const;
/** Octaves of wide states that share the near tables; the far ones share the last two. */
const NEAR_OCTAVES = 4;
export const STATES = 72;
export const START_STATE = 6;

/** The state after the residual `error` took an escape. */
export function escapedState(error: number): number {
  const size = Math.abs(error);
  const octave = 27 - Math.clz32(size);
  return SMALL.length + 2 * octave + ((size >> (octave + 3)) & 1);
}

/** Tables and raw bits of the states; the same for every series, so made once. */
export class Scale {
  /** Slot of the symbol ZERO in a state's table. */
  readonly zeros = new Uint16Array(STATES);
  /** Bits of a residual that a state sends raw. */
  readonly shifts = new Uint8Array(STATES);

  constructor() {
    const small = SMALL.length;
    for (let state = 0; state < STATES; state++) {
      const octave = (state - small) >> 1;
      let table = state;
      if (octave >= 0) table = small + (octave < NEAR_OCTAVES ? 0 : 2) + (state & 1);
      this.zeros[state] = T_RESIDUAL + table * RESIDUAL_STEP + 1 + ZERO;
      this.shifts[state] = octave < 0 ? 0 : octave + 1;
    }
  }
}

/** How far the symbol ZERO + q of residual table number `table` moves the state. */
export function moveOf(table: number, q: number): number {
  return table < SMALL.length ? smallMove(table, q) : wideMove(table & 1, q);
}

/** The running mean a of sixteen times the residuals' sizes becomes a + floor((16 size - a) / 4). */
function grow(size: number, residual: number): number {
  return size + ((residual - size) >> 2);
}

function smallMove(state: number, q: number): number {
  const size = grow(SMALL[state]!, 16 * Math.abs(q));
  let next = 0;
  while (next < SMALL.length - 1 && SMALL[next]! + SMALL[next + 1]! < 2 * size) next++;
  if (2 * size > SMALL[next]! + WIDE[0] && next === SMALL.length - 1) next++;
  return next - state;
}

function wideMove(half: number, q: number): number {
  const size = grow(WIDE[half]!, Math.abs(32 * q + 16));
  let next = -1;
  if (size >= (half === 0 ? 54 : 76)) next = 0;
  while (next >= 0 && next + half < WIDE_STEPS.length && size >= WIDE_STEPS[next + half]!) next++;
  return next;
}
