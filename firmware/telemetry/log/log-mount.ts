/** Finds out what the flash holds: one header per sector and three whole sectors are read, nothing is written. */
import {
  CLASSES,
  KIND_DATA,
  KIND_MARKS,
  readSectorHead,
  readUint32,
  sectorHeadBytes,
} from "./log-format.ts";
import { type LogSpace, RESERVE } from "./log-space.ts";

/** Fills table, marks and open sectors of `space` from its flash. */
export function mount(space: LogSpace): void {
  const { table, medium } = space;
  for (let i = 0; i < medium.sectorCount; i++) {
    medium.flash.read(i * medium.sectorBytes, medium.page);
    const head = readSectorHead(medium.page);
    if (head) {
      table.set(i, head);
      // From what was read just now: weak bits may read otherwise the next time.
      if (table.newest === i) readSectorHead(medium.page, space.marks);
    } else if (!isBlank(medium.page)) {
      space.counters.unreadableSectors++;
      space.fault(
        `sector ${i} has no valid header: corrupt, or cut while it was opened; it is free, all others are kept`,
        i,
      );
    }
  }
  if (table.newest < 0) return;
  freeCopies(space);
  table.guessErases();
  continueIn(space, table.newest);
  for (let i = 0; i < CLASSES; i++) {
    const acked = space.marks.acked[i]!;
    if (table.heads[i]! < acked) table.heads[i] = acked;
    const last = table.last(i);
    if (last >= 0 && last !== table.newest) continueIn(space, last);
  }
  space.release();
  space.freeIdle(RESERVE);
}

/** No log makes two sectors of one opening: the second would stay for ever, for nobody looks for it. */
function freeCopies(space: LogSpace): void {
  const { table } = space;
  for (let i = 0; i < table.openings.length; i++) {
    const original = table.openings.indexOf(table.openings[i]!);
    if (!table.isLive(i) || original === i) continue;
    table.free(i);
    space.counters.unreadableSectors++;
    space.fault(`sector ${i} is a copy of sector ${original}; it is free`, i);
  }
}

/** Finds the end of the last sector of a class. Nothing is ever written behind an interrupted write. */
function continueIn(space: LogSpace, sector: number): void {
  const { table, medium } = space;
  const logClass = table.classes[sector]!;
  const opening = table.openings[sector]!;
  medium.flash.read(sector * medium.sectorBytes, medium.page);
  const header = readSectorHead(medium.page);
  space.openBoots[logClass] = header?.bootId ?? 0;
  space.openHighs[logClass] = header?.high ?? 0;
  let offset = header ? medium.padded(sectorHeadBytes(medium.page)) : medium.sectorBytes;
  let end = offset;
  let head = table.firsts[sector]!;
  const used = medium.usedBytes(sector);
  while (offset < used) {
    if (!medium.loadHead(sector, opening, offset) || !medium.isWhole()) {
      offset += medium.stepBytes;
      continue;
    }
    if (medium.kind === KIND_DATA) head = table.firsts[sector]! + medium.index + 1;
    if (medium.kind === KIND_MARKS && sector === table.newest) {
      const marks = medium.take();
      if (marks) space.marks.read(marks, 0);
    }
    offset += medium.recordBytes(medium.payloadBytes);
    end = offset;
  }
  const acked = space.marks.acked[logClass]!;
  const isTorn = end < used;
  table.heads[logClass] = Math.max(head, acked);
  space.openSectors[logClass] = sector;
  space.openOffsets[logClass] = isTorn || head < acked ? medium.sectorBytes : end;
  if (!isTorn) return;
  space.counters.tornTails++;
  space.fault(
    `sector ${sector} ends in an interrupted write at offset ${end}; what precedes it is kept`,
    sector,
  );
}

/** Where a header begins; a sector that was erased and not opened is no fault. */
function isBlank(page: Uint8Array): boolean {
  for (let i = 0; i < 16; i += 4) if (readUint32(page, i) !== 0xffffffff) return false;
  return true;
}
