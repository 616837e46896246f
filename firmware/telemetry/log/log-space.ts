/** The life of the log's sectors: opened in turn, written once, freed when the marks in flash say so (SPEC.md §3). */
import { GodwitError } from "../../codec/error.ts";
import { LogCursor } from "./log-cursor.ts";
import {
  CLASSES,
  Marks,
  readSectorHead,
  SECTOR_HEAD_BYTES_MAX,
  type SectorHead,
  stampOf,
  writeSectorHead,
} from "./log-format.ts";
import { LogMedium } from "./log-medium.ts";
import { SectorTable } from "./sector-table.ts";
import type { FlashLogOptions, LogClass, LogCounters } from "./types.ts";

/** Free sectors that remain when data is stored; one of them may take acknowledgements when all others are full. */
export const RESERVE = 2;
/** Sectors tried in a row; more than that is no worn sector but a chip that takes nothing. */
const FAILURES_MAX = 3;

export class LogSpace {
  readonly counters: LogCounters = {
    unreadableSectors: 0,
    tornTails: 0,
    missingRecords: 0,
    lostRecords: 0,
    badSectors: 0,
    deferredSaves: 0,
  };
  readonly medium: LogMedium;
  readonly table: SectorTable;
  readonly marks = new Marks();
  /** Per class: the sector that takes records (-1: none) and where the next one goes. */
  readonly openSectors = new Int16Array(CLASSES).fill(-1);
  readonly openOffsets = new Uint16Array(CLASSES);
  /** What its header says about the stamps of its records. */
  readonly openBoots = new Uint32Array(CLASSES);
  readonly openHighs = new Uint8Array(CLASSES);
  /** Acknowledged records and losses since the marks were last written. */
  unsaved = 0;
  private readonly options: FlashLogOptions;

  constructor(options: FlashLogOptions) {
    this.options = options;
    this.medium = new LogMedium(options.flash, options.unitBytes ?? 4);
    this.table = new SectorTable(this.medium.sectorCount);
  }

  /** What a record of this boot says about itself in the open sector; undefined: it needs another sector. */
  stamp(logClass: LogClass, sequence: number): number | undefined {
    const head = { bootId: this.openBoots[logClass]!, high: this.openHighs[logClass]! };
    return stampOf(head, this.options.bootId, sequence);
  }

  hasRoom(logClass: LogClass, bytes: number): boolean {
    const sector = this.openSectors[logClass]!;
    return sector >= 0 && this.openOffsets[logClass]! + bytes <= this.medium.sectorBytes;
  }

  /** Writes behind the last record of the class; false: the sector failed and takes no more. */
  write(logClass: LogClass, kind: number, value: number, payload: Uint8Array): boolean {
    const { table, medium, openOffsets } = this;
    const sector = this.openSectors[logClass]!;
    const opening = table.openings[sector]!;
    const index = table.heads[logClass]! - table.firsts[sector]!;
    const offset = openOffsets[logClass]!;
    const parts = { kind, index, value, payload, payloadBytes: payload.length };
    // Whatever happens now: nothing is ever written to these units again.
    openOffsets[logClass] = medium.sectorBytes;
    try {
      if (medium.store(sector, opening, offset, parts)) {
        openOffsets[logClass] = offset + medium.recordBytes(payload.length);
        return true;
      }
    } catch (cause) {
      this.fault(`sector ${sector} failed at offset ${offset}`, sector, cause);
      return false;
    }
    this.fault(`sector ${sector} did not keep what was written at offset ${offset}`, sector);
    return false;
  }

  /**
   * Gives `logClass` a new sector for sequences that begin with `high`, dropping old records until `reserve` sectors
   * are free; false: not possible.
   * @throws GodwitError `storage` if no free sector can be written
   */
  open(logClass: LogClass, reserve: number, high = this.openHighs[logClass]!): boolean {
    const { table, medium, options } = this;
    for (let failures = 0; ; failures++) {
      const isRoomy = failures < FAILURES_MAX && this.makeRoom(logClass, reserve + 1);
      const sector = isRoomy ? this.take(logClass) : -1;
      if (sector < 0) {
        if (failures === 0) return false;
        throw new GodwitError("storage", "log: free sectors cannot be written; check the flash");
      }
      const { bootId } = options;
      const head: SectorHead = {
        ...{ logClass, bootId, high, opening: table.lastOpening + 1 },
        ...{ first: table.heads[logClass]!, erases: table.erases[sector]! + 1 },
      };
      const bytes = medium.page.subarray(0, medium.padded(SECTOR_HEAD_BYTES_MAX)).fill(0xff);
      const offset = medium.padded(writeSectorHead(bytes, head, this.marks));
      try {
        medium.flash.erase(sector);
        medium.flash.program(sector * medium.sectorBytes, bytes.subarray(0, offset));
        medium.flash.read(sector * medium.sectorBytes, bytes);
        if (readSectorHead(bytes)?.opening === head.opening) {
          table.set(sector, head);
          this.openSectors[logClass] = sector;
          this.openOffsets[logClass] = offset;
          this.openBoots[logClass] = bootId;
          this.openHighs[logClass] = high;
          this.release();
          return true;
        }
        this.fault(`sector ${sector} did not keep its header`, sector);
      } catch (cause) {
        this.fault(`sector ${sector} failed`, sector, cause);
      }
      table.ban(sector);
      this.counters.badSectors++;
    }
  }

  /** A free sector; -1: none. */
  private take(logClass: LogClass): number {
    const { table } = this;
    const free = table.nextFree();
    if (free >= 0) return free;
    // Only a corrupt watermark leaves none: what is done with goes before a header says so, or nothing would ever go.
    for (let i = 0; i < table.openings.length; i++) {
      if (table.newest === i || !table.isLive(i) || !this.isDone(i, logClass)) continue;
      table.free(i);
      return i;
    }
    return -1;
  }

  /** Sectors that are free, or will be as soon as `logClass` has a new one that carries the marks. */
  roomFor(logClass: LogClass): number {
    const { table } = this;
    let free = table.freeCount;
    for (let i = 0; i < table.openings.length; i++) {
      if (table.isLive(i) && this.isDone(i, logClass)) free++;
    }
    return free;
  }

  /** Decides which records go, lowest class first, until `count` sectors are free or will be once it is written. */
  private makeRoom(logClass: LogClass, count: number): boolean {
    const { table } = this;
    let isEased = false;
    for (;;) {
      if (this.roomFor(logClass) >= count) return true;
      let victim = -1;
      for (let i = CLASSES - 1; i >= logClass && victim < 0; i--) {
        victim = table.holding(i, this.marks.acked[i]!);
      }
      if (victim < 0) return isEased;
      this.drop(victim);
      isEased = true;
    }
  }

  private drop(sector: number): void {
    const logClass = this.table.classes[sector]! as LogClass;
    const end = this.table.end(sector);
    const cursor = new LogCursor(this.medium, this.table, logClass);
    cursor.seek(this.marks.acked[logClass]!);
    let stamps: number[] | undefined;
    while (cursor.ordinal < end) {
      const entry = cursor.next();
      if (!entry || entry.ordinal >= end) break;
      if (!entry.payload) continue;
      stamps ??= [entry.bootId, entry.sequence, 0, 0];
      stamps[2] = entry.bootId;
      stamps[3] = entry.sequence;
    }
    const count = end - this.marks.acked[logClass]!;
    this.marks.acked[logClass] = end;
    this.lose(logClass, count, stamps ?? [0, 0, 0, 0]);
    if (this.openSectors[logClass] === sector) this.openOffsets[logClass] = this.medium.sectorBytes;
  }

  lose(logClass: LogClass, count: number, stamps: readonly number[]): void {
    const old = this.marks.lost[logClass];
    const [firstBoot, firstSequence, lastBoot, lastSequence] = stamps as [
      number,
      number,
      number,
      number,
    ];
    this.marks.lost[logClass] = {
      count: (old?.count ?? 0) + count,
      firstBoot: old?.firstBoot ?? firstBoot,
      firstSequence: old?.firstSequence ?? firstSequence,
      lastBoot,
      lastSequence,
    };
    this.counters.lostRecords += count;
    this.unsaved += count;
  }

  /** Whether a live sector is of no use: all its records are done with and it takes no more. */
  private isDone(sector: number, opened = -1): boolean {
    const { table, medium } = this;
    const logClass = table.classes[sector]!;
    if (table.end(sector) > this.marks.acked[logClass]!) return false;
    if (this.openSectors[logClass] !== sector || logClass === opened) return true;
    const isFull = this.openOffsets[logClass]! + medium.recordBytes(1) > medium.sectorBytes;
    // An idle class gives its sector back once a turn, so that all sectors wear alike.
    return isFull || table.openings[sector]! + medium.sectorCount <= table.lastOpening;
  }

  /** The marks are in flash: frees what they make superfluous. The newest sector holds them and stays. */
  release(): void {
    const { table } = this;
    this.unsaved = 0;
    for (let i = 0; i < table.openings.length; i++) {
      if (!table.isLive(i) || i === table.newest || !this.isDone(i)) continue;
      const logClass = table.classes[i]!;
      if (this.openSectors[logClass] === i) this.openSectors[logClass] = -1;
      table.free(i);
    }
  }

  /**
   * After mounting: frees sectors whose records are all done with until `count` are free, open ones as well. Such a
   * sector may have been free before the boot, because a torn tail closed it or its class had moved on, and the room
   * that was made then counted on it.
   */
  freeIdle(count: number): void {
    const { table, marks } = this;
    for (let i = 0; i < table.openings.length && table.freeCount < count; i++) {
      const logClass = table.classes[i]!;
      if (!table.isLive(i) || i === table.newest) continue;
      if (table.end(i) > marks.acked[logClass]!) continue;
      if (this.openSectors[logClass] === i) this.openSectors[logClass] = -1;
      table.free(i);
    }
  }

  fault(text: string, sector?: number, cause?: unknown): void {
    this.options.onFault?.(new GodwitError("storage", `log: ${text}`, cause), sector);
  }
}
