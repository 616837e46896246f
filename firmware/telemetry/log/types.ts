/** What the flash log promises (SPEC.md in this folder). Types only: nothing of this file reaches a device. */
import type { GodwitError } from "../../codec/error.ts";
import type { Flash } from "../../ports/flash.ts";

/** Priority class: 0 critical, 1 normal, 2 bulk. The higher number is dropped first. */
export type LogClass = 0 | 1 | 2;

export interface FlashLogOptions {
  /** The region of the log, alone: at least `SECTORS_MIN` sectors of at most 4096 bytes. */
  readonly flash: Flash;
  /** Number of this boot, from 1; differs from those of earlier boots. */
  readonly bootId: number;
  /** Smallest program unit, written once between erases: 4 (default) to 32, a power of two (flash encryption: 16). */
  readonly unitBytes?: number;
  /** Acknowledged records after which the watermark is written to flash; default 32, bounds duplicates. */
  readonly acksMax?: number;
  /** Told about every corrupt, torn or failing place (`storage`), by its sector where it has one; must not throw. */
  onFault?(error: GodwitError, sector?: number): void;
}

/** Records that made room for others: `count` of them between the two stamps (inclusive, by boot, then sequence). */
export interface LostRecords {
  readonly count: number;
  readonly firstBoot: number;
  readonly firstSequence: number;
  readonly lastBoot: number;
  readonly lastSequence: number;
}

/** A record as it is read back. */
export interface LogEntry {
  readonly logClass: LogClass;
  /** Position in the class: what `acknowledge` takes. */
  readonly ordinal: number;
  readonly bootId: number;
  readonly sequence: number;
  /** Unreadable (corrupt) records directly before this one. */
  readonly missing: number;
  /** Undefined: no record, only a report of `missing` ones at the end. */
  readonly payload: Uint8Array | undefined;
}

export interface LogCounters {
  /** Sectors at mount that are not blank and have no valid header: interrupted or corrupt; they are free. */
  unreadableSectors: number;
  /** Open sectors that ended in an interrupted write; no resolved record is in there. */
  tornTails: number;
  /** Records reported as `missing`. */
  missingRecords: number;
  /** Records that made room for others, and refused ones. */
  lostRecords: number;
  /** Sectors that could not be erased or written: not used until the next boot. */
  badSectors: number;
  /** Watermarks that had to wait for a free sector: until then more than `acksMax` records may be repeated. */
  deferredSaves: number;
}
