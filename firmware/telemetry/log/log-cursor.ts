/** Reads the records of one class in order, across sectors, and counts what is unreadable between them. */
import { KIND_DATA, readSectorHead, sectorHeadBytes } from "./log-format.ts";
import type { LogMedium } from "./log-medium.ts";
import type { SectorTable } from "./sector-table.ts";
import type { LogClass, LogEntry } from "./types.ts";

export class LogCursor {
  /** Ordinal of the record to be read next. */
  ordinal = 0;
  private readonly medium: LogMedium;
  private readonly table: SectorTable;
  private readonly logClass: LogClass;
  private sector = -1;
  private opening = 0;
  private offset = 0;
  /** Offset behind what was written to the sector, as far as it was looked at. */
  private used = 0;
  private bootId = 0;
  private high = 0;

  constructor(medium: LogMedium, table: SectorTable, logClass: LogClass) {
    this.medium = medium;
    this.table = table;
    this.logClass = logClass;
  }

  seek(ordinal: number): void {
    this.ordinal = ordinal;
    this.sector = -1;
  }

  /** The next record, or a report of unreadable ones at the end; undefined: everything was read. */
  next(): LogEntry | undefined {
    const { table, logClass } = this;
    const head = table.heads[logClass]!;
    const wanted = this.ordinal;
    while (this.ordinal < head) {
      if (!this.enter()) break;
      const found = this.scan(wanted);
      if (found) return found;
      this.ordinal = Math.max(wanted, table.end(this.sector));
      this.sector = -1;
    }
    if (wanted >= head) return undefined;
    this.seek(head);
    return {
      logClass,
      ordinal: head - 1,
      bootId: this.bootId,
      sequence: 0,
      missing: head - wanted,
      payload: undefined,
    };
  }

  /** Makes sure that the cursor stands in a live sector that can hold `ordinal`. */
  private enter(): boolean {
    const { table, medium } = this;
    if (this.sector >= 0 && table.openings[this.sector] === this.opening) {
      if (table.end(this.sector) > this.ordinal) return true;
    }
    this.sector = table.holding(this.logClass, this.ordinal);
    if (this.sector < 0) return false;
    this.opening = table.openings[this.sector]!;
    medium.flash.read(this.sector * medium.sectorBytes, medium.page);
    const head = readSectorHead(medium.page);
    this.bootId = head?.bootId ?? 0;
    this.high = head?.high ?? 0;
    // Without its header nothing of a sector can be believed.
    const isSound = head?.opening === this.opening;
    this.offset = isSound ? medium.padded(sectorHeadBytes(medium.page)) : medium.sectorBytes;
    this.used = 0;
    return true;
  }

  /** The first record of the sector that is not before `ordinal`. */
  private scan(wanted: number): LogEntry | undefined {
    const { medium, table, sector, opening, logClass } = this;
    const end = table.end(sector);
    for (;;) {
      // Asked again only at the end of what was known: looking for it costs up to a sector of reads.
      if (this.offset >= this.used) this.used = medium.usedBytes(sector);
      if (this.offset >= this.used) return undefined;
      let isFound = medium.loadHead(sector, opening, this.offset);
      const { kind, value } = medium;
      const ordinal = table.firsts[sector]! + medium.index;
      // At the end stands what was taken for torn and now reads well: its ordinal was given again elsewhere.
      const isWanted = kind === KIND_DATA && ordinal >= this.ordinal && ordinal < end;
      const payload = isFound && isWanted ? medium.take() : undefined;
      isFound &&= isWanted ? payload !== undefined : medium.isWhole();
      this.offset += isFound ? medium.recordBytes(medium.payloadBytes) : medium.stepBytes;
      if (!payload) continue;
      this.ordinal = ordinal + 1;
      const missing = ordinal - wanted;
      const bootId = this.bootId + (value >>> 24);
      const sequence = this.high * 0x1000000 + (value & 0xffffff);
      return { logClass, ordinal, bootId, sequence, missing, payload };
    }
  }
}
