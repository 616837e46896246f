// Heap statistics of a board, raw and as reported.
import type { HeapUse } from "./board-types.ts";
import type { BoardExports } from "./wasm-board.ts";

/** Bytes of an XS slot on 32-bit targets. */
export const slotBytes = 16;

export interface HeapFigures {
  slots: number;
  slotsPeak: number;
  slotsMax: number;
  chunkBytes: number;
  chunkBytesPeak: number;
  chunkBytesMax: number;
  keys: number;
  stackSlots: number;
  stackSlotsPeak: number;
  stackSlotsMax: number;
  systemBytes: number;
  systemBytesPeak: number;
}

export function readFigures(exports: BoardExports): HeapFigures {
  const at = exports.board_stats();
  const raw = new Int32Array(exports.memory.buffer, at, 16);
  const value = (index: number) => raw[index] ?? 0;
  return {
    slots: value(0),
    slotsPeak: value(1),
    slotsMax: value(2),
    chunkBytes: value(3),
    chunkBytesPeak: value(4),
    chunkBytesMax: value(5),
    keys: value(6),
    stackSlots: value(7),
    stackSlotsPeak: value(8),
    stackSlotsMax: value(9),
    systemBytes: value(12),
    systemBytesPeak: value(13),
  };
}

/** What `now` has on top of `base`; peaks count from the base's level. */
export function difference(now: HeapFigures, base: HeapFigures): HeapFigures {
  return {
    ...now,
    slots: now.slots - base.slots,
    slotsPeak: now.slotsPeak - base.slots,
    chunkBytes: now.chunkBytes - base.chunkBytes,
    chunkBytesPeak: now.chunkBytesPeak - base.chunkBytes,
    keys: now.keys - base.keys,
    stackSlots: now.stackSlots - base.stackSlots,
    stackSlotsPeak: now.stackSlotsPeak - base.stackSlots,
    systemBytes: now.systemBytes - base.systemBytes,
    systemBytesPeak: now.systemBytesPeak - base.systemBytes,
  };
}

export function toUse(figures: HeapFigures): HeapUse {
  const { slotsMax: _slots, chunkBytesMax: _chunks, stackSlotsMax: _stack, ...use } = figures;
  return {
    ...use,
    bytes: figures.slots * slotBytes + figures.chunkBytes,
    bytesPeak: figures.slotsPeak * slotBytes + figures.chunkBytesPeak,
  };
}
