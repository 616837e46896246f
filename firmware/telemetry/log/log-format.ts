/** Bytes of the flash log: sector headers, watermarks and record heads (SPEC.md §2). Numbers are big-endian. */
import { crc32 } from "../../codec/crc32.ts";
import type { LostRecords } from "./types.ts";

export const CLASSES = 3;
export const SECTOR_BYTES_MAX = 4096;
export const SECTORS_MIN = 6;
export const RECORD_HEAD_BYTES = 12;

export const KIND_DATA = 1;
export const KIND_MARKS = 2;

const MAGIC = 0x47574c;
const VERSION = 2;
const HIGH_AT = 16;
const MARKS_AT = 20;
const LOST_BYTES = 20;
export const MARKS_BYTES_MAX = 16 + CLASSES * LOST_BYTES;
/** Fixed part, three loss entries, CRC. */
export const SECTOR_HEAD_BYTES_MAX = MARKS_AT + MARKS_BYTES_MAX + 4;

export function readUint32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
  );
}

export function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

/** Per class: the first ordinal not acknowledged, and what was lost and not yet told. */
export class Marks {
  readonly acked = new Uint32Array(CLASSES);
  readonly lost: (LostRecords | undefined)[] = [undefined, undefined, undefined];

  /** Returns the offset behind what was written. */
  write(target: Uint8Array, at: number): number {
    let end = at + 16;
    let mask = 0;
    for (let i = 0; i < CLASSES; i++) {
      writeUint32(target, at + 4 * i, this.acked[i]!);
      const lost = this.lost[i];
      if (!lost) continue;
      mask |= 1 << i;
      writeUint32(target, end, lost.count);
      writeUint32(target, end + 4, lost.firstBoot);
      writeUint32(target, end + 8, lost.firstSequence);
      writeUint32(target, end + 12, lost.lastBoot);
      writeUint32(target, end + 16, lost.lastSequence);
      end += LOST_BYTES;
    }
    writeUint32(target, at + 12, mask);
    return end;
  }

  read(source: Uint8Array, at: number): void {
    const mask = source[at + 15]!;
    let entry = at + 16;
    for (let i = 0; i < CLASSES; i++) {
      this.acked[i] = readUint32(source, at + 4 * i);
      this.lost[i] = undefined;
      if (!(mask & (1 << i))) continue;
      this.lost[i] = {
        count: readUint32(source, entry),
        firstBoot: readUint32(source, entry + 4),
        firstSequence: readUint32(source, entry + 8),
        lastBoot: readUint32(source, entry + 12),
        lastSequence: readUint32(source, entry + 16),
      };
      entry += LOST_BYTES;
    }
  }
}

export interface SectorHead {
  readonly logClass: number;
  /** Number of the sector in the order of opening, from 1. */
  readonly opening: number;
  /** Ordinal of its first record. */
  readonly first: number;
  /** Its records are of this boot or of one of the 255 that follow. */
  readonly bootId: number;
  /** Highest byte of the sequence of all its records. */
  readonly high: number;
  /** How often the sector was erased, as far as known; 24 bits. */
  readonly erases: number;
}

/**
 * What a record says about itself: boots since that of the sector, low bytes of its sequence; undefined if it does
 * not fit into that sector. A record needs no other one to be understood.
 */
export function stampOf(
  head: { readonly bootId: number; readonly high: number },
  bootId: number,
  sequence: number,
): number | undefined {
  const boots = bootId - head.bootId;
  if (boots < 0 || boots > 255 || sequence >>> 24 !== head.high) return undefined;
  return ((boots << 24) | (sequence & 0xffffff)) >>> 0;
}

/** Returns the length of the header. */
export function writeSectorHead(target: Uint8Array, head: SectorHead, marks: Marks): number {
  writeUint32(target, 0, MAGIC * 256 + VERSION * 16 + head.logClass);
  writeUint32(target, 4, head.opening);
  writeUint32(target, 8, head.first);
  writeUint32(target, 12, head.bootId);
  writeUint32(target, HIGH_AT, head.high * 0x1000000 + head.erases);
  const end = marks.write(target, MARKS_AT);
  writeUint32(target, end, crc32(target.subarray(0, end)));
  return end + 4;
}

/** Length of the header in `source`, by its mask of losses. */
export function sectorHeadBytes(source: Uint8Array): number {
  const mask = source[MARKS_AT + 15]! & 7;
  const losses = (mask & 1) + ((mask >> 1) & 1) + (mask >> 2);
  return MARKS_AT + 16 + LOST_BYTES * losses + 4;
}

/** The header at the start of `source`, undefined if there is no valid one; its marks go to `marks`. */
export function readSectorHead(source: Uint8Array, marks?: Marks): SectorHead | undefined {
  const logClass = source[3]! & 15;
  if (readUint32(source, 0) !== MAGIC * 256 + VERSION * 16 + logClass) return undefined;
  const end = sectorHeadBytes(source) - 4;
  if (logClass >= CLASSES || readUint32(source, end) !== crc32(source.subarray(0, end))) {
    return undefined;
  }
  marks?.read(source, MARKS_AT);
  return {
    logClass,
    opening: readUint32(source, 4),
    first: readUint32(source, 8),
    bootId: readUint32(source, 12),
    high: source[HIGH_AT]!,
    erases: readUint32(source, HIGH_AT) & 0xffffff,
  };
}
