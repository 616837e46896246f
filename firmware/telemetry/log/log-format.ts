/** Bytes of the flash log: sector headers, watermarks and record heads (SPEC.md §2). Numbers are big-endian. */
import { crc32 } from "../../codec/crc32.ts";
import type { LostRecords } from "./types.ts";

export const CLASSES = 3;
export const SECTOR_BYTES_MAX = 4096;
export const SECTORS_MIN = 6;
export const RECORD_HEAD_BYTES = 12;

export const KIND_DATA = 1;
export const KIND_BOOT = 2;
export const KIND_MARKS = 3;

const MAGIC = 0x47574c;
const VERSION = 1;
const MARKS_AT = 16;
/** A sector header has its erases in three bytes that marks leave at 0. */
const ERASES_AT = MARKS_AT + 12;
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
  readonly bootId: number;
  /** How often the sector was erased, as far as known: 24 bits between the watermarks and their mask. */
  readonly erases: number;
}

/** Returns the length of the header. */
export function writeSectorHead(target: Uint8Array, head: SectorHead, marks: Marks): number {
  writeUint32(target, 0, MAGIC * 256 + VERSION * 16 + head.logClass);
  writeUint32(target, 4, head.opening);
  writeUint32(target, 8, head.first);
  writeUint32(target, 12, head.bootId);
  const end = marks.write(target, MARKS_AT);
  target[ERASES_AT] = head.erases >>> 16;
  target[ERASES_AT + 1] = head.erases >>> 8;
  target[ERASES_AT + 2] = head.erases;
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
    erases: readUint32(source, ERASES_AT) >>> 8,
  };
}
