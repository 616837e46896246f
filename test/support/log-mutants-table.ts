// Ways to break the flash log on purpose, as changes of its compiled text; the tests must notice each of them.

export interface Mutant {
  readonly name: string;
  /** Module, text in it, what it becomes; the text must stand there exactly once. */
  readonly edits: readonly (readonly [module: string, from: string, to: string])[];
  /** Why nothing can notice it; absent: it must be killed. */
  readonly equivalent?: string;
}

function edit(module: string, from: string, to: string): readonly [string, string, string] {
  return [module, from, to];
}

export const mutants: readonly Mutant[] = [
  {
    name: "no CRC over the payload",
    edits: [
      edit("log-medium", "return crc === readUint32(this.head, 8);", "return true;"),
      edit("log-medium", "crc32(bytes, this.crc) === readUint32(this.head, 8)", "true"),
    ],
  },
  {
    name: "no check of the record head",
    edits: [edit("log-medium", "if ((this.crc & 255) !== check)", "if (false)")],
  },
  {
    name: "CRC does not cover the place",
    edits: [edit("log-medium", "return (Math.imul(opening, 4096) + offset) >>> 0;", "return 0;")],
  },
  {
    name: "not read back after the program",
    edits: [
      edit(
        "log-medium",
        "return this.loadHead(sector, opening, offset) && this.isWhole();",
        "return true;",
      ),
    ],
  },
  {
    name: "programs cross pages",
    edits: [
      edit(
        "log-medium",
        "Math.min(page.length - ((at + done) % page.length), total - done)",
        "Math.min(page.length, total - done)",
      ),
    ],
  },
  {
    name: "records not padded to program units",
    edits: [edit("log-medium", "(bytes + this.unitBytes - 1) & -this.unitBytes", "bytes")],
  },
  {
    name: "append over a torn tail",
    edits: [
      edit("log-mount", "isTorn || head < acked ? medium.sectorBytes : end", "end"),
      edit("log-mount", "if (!isTorn)", "if (true)"),
    ],
  },
  {
    name: "append right behind a torn tail",
    edits: [
      edit(
        "log-mount",
        "isTorn || head < acked ? medium.sectorBytes : end",
        "head < acked ? medium.sectorBytes : medium.padded(Math.max(end, medium.usedBytes(sector)))",
      ),
    ],
  },
  {
    name: "append to a sector that was being erased",
    edits: [
      edit(
        "log-mount",
        "isTorn || head < acked ? medium.sectorBytes : end",
        "isTorn ? medium.sectorBytes : end",
      ),
    ],
  },
  {
    name: "written marks are not read at mount",
    edits: [edit("log-mount", "if (marks)", "if (false)")],
  },
  {
    name: "marks of any sector are believed",
    edits: [edit("log-mount", "&& sector === table.newest", "")],
  },
  {
    name: "marks of the header are not read",
    edits: [edit("log-mount", "readSectorHead(medium.page, space.marks);", ";")],
  },
  {
    name: "head may fall behind the watermark in a kept sector",
    edits: [edit("log-mount", "Math.max(head, acked)", "head")],
  },
  {
    name: "head may fall behind the watermark without a sector",
    edits: [edit("log-mount", "if (table.heads[i] < acked)", "if (false)")],
  },
  {
    name: "sectors are not freed at mount",
    edits: [edit("log-mount", "space.release();", "")],
  },
  {
    name: "watermark not carried to the next sector",
    edits: [
      edit(
        "log-format",
        "const end = marks.write(target, MARKS_AT);",
        "const end = new Marks().write(target, MARKS_AT);",
      ),
    ],
  },
  {
    name: "losses not carried",
    edits: [edit("log-format", "if (!lost)", "if (true)")],
  },
  {
    name: "no CRC over the sector header",
    edits: [
      edit("log-format", "|| readUint32(source, end) !== crc32(source.subarray(0, end))", ""),
    ],
  },
  {
    name: "a drop is not declared",
    edits: [edit("log-space", "this.lose(logClass, count, stamps ?? [0, 0, 0, 0]);", "")],
  },
  {
    name: "the highest class makes room first",
    edits: [
      edit(
        "log-space",
        "for (let i = CLASSES - 1; i >= logClass && victim < 0; i--) {",
        "for (let i = logClass; i < CLASSES && victim < 0; i++) {",
      ),
    ],
  },
  {
    name: "higher classes make room, too",
    edits: [edit("log-space", "i >= logClass && victim < 0", "i >= 0 && victim < 0")],
  },
  {
    name: "a victim is erased before its loss is declared",
    edits: [
      edit(
        "log-space",
        "this.drop(victim);",
        "this.drop(victim); this.medium.flash.erase(victim); table.free(victim);",
      ),
    ],
  },
  {
    name: "sectors are freed before the watermark is in flash",
    edits: [
      edit(
        "flash-log",
        "this.space.unsaved += count;",
        "const n = this.space.unsaved + count; this.space.release(); this.space.unsaved = n;",
      ),
    ],
  },
  {
    name: "the sector that holds the marks is freed",
    edits: [edit("log-space", "i === table.newest || ", "")],
  },
  {
    name: "no erase before a sector is used again",
    edits: [edit("log-space", "medium.flash.erase(sector);", "")],
  },
  {
    name: "a failed write leaves its place open",
    edits: [edit("log-space", "openOffsets[logClass] = medium.sectorBytes;", "")],
  },
  {
    name: "records of all boots seem to be of their sector's boot",
    edits: [edit("log-cursor", "this.bootId + (value >>> 24)", "this.bootId")],
  },
  {
    name: "a sector takes records of any boot",
    edits: [edit("log-format", "boots < 0 || boots > 255 ||", "")],
  },
  {
    name: "a sector takes records of any sequence",
    edits: [edit("log-format", "|| sequence >>> 24 !== head.high", "")],
  },
  {
    name: "a sector whose header broke meanwhile is read all the same",
    edits: [edit("log-cursor", "head?.opening === this.opening", "true")],
  },
  {
    name: "an idle sector is never given back",
    edits: [
      edit(
        "log-space",
        "return isFull || table.openings[sector] + medium.sectorCount <= table.lastOpening;",
        "return isFull;",
      ),
    ],
  },
  {
    name: "every drained sector is given back at once",
    edits: [
      edit("log-space", "this.openSectors[logClass] !== sector || logClass === opened", "true"),
    ],
  },
  {
    name: "free sectors are taken from the front",
    edits: [
      edit("sector-table", "(this.newest + i + count) % count", "i - 1"),
      edit("sector-table", "|| this.erases[sector] < this.erases[found]", ""),
    ],
  },
  {
    name: "sectors are taken in turn, however often they were erased",
    edits: [edit("sector-table", "|| this.erases[sector] < this.erases[found]", "")],
  },
  {
    name: "erases are not kept over a boot",
    edits: [edit("sector-table", "this.erases[sector] = head.erases;", "this.erases[sector]++;")],
  },
  {
    name: "a failing header is believed",
    edits: [
      edit("log-space", "if (readSectorHead(bytes)?.opening === head.opening) {", "if (true) {"),
    ],
  },
  {
    name: "one record too many is acknowledged",
    edits: [edit("flash-log", "Math.min(ordinal + 1,", "Math.min(ordinal + 2,")],
  },
  {
    name: "the watermark is never written by itself",
    edits: [
      edit(
        "flash-log",
        "if (this.space.unsaved >= (this.options.acksMax ?? ACKS_MAX))",
        "if (false)",
      ),
    ],
  },
  {
    name: "no reserve for acknowledgements",
    edits: [edit("log-space", "const RESERVE = 2;", "const RESERVE = 1;")],
  },
  {
    name: "a refused record is not declared",
    edits: [
      edit("flash-log", "space.lose(logClass, 1, [bootId, sequence, bootId, sequence]);", ""),
    ],
  },
  {
    name: "told losses take later ones with them",
    edits: [
      edit(
        "flash-log",
        "count > 0 ? { ...now, count, firstBoot, firstSequence } : undefined",
        "undefined",
      ),
    ],
  },
  {
    name: "told losses stay",
    edits: [edit("flash-log", "const count = now.count - told.count;", "const count = now.count;")],
  },
  {
    name: "a payload is checked by reading it once more",
    edits: [
      edit("log-medium", "crc32(bytes, this.crc) === readUint32(this.head, 8)", "this.isWhole()"),
    ],
  },
  {
    name: "reading ends at the first bad record",
    edits: [
      edit(
        "log-cursor",
        "this.offset += isFound",
        "if (!isFound) return undefined; this.offset += isFound",
      ),
    ],
  },
  {
    name: "mounting ends at the first bad record",
    edits: [edit("log-mount", "offset += medium.stepBytes;\n            continue;", "break;")],
  },
  {
    name: "unreadable records are not counted",
    edits: [edit("log-cursor", "const missing = ordinal - wanted;", "const missing = 0;")],
  },
  {
    name: "unreadable records at the end are not reported",
    edits: [edit("log-cursor", "if (wanted >= head)", "if (true)")],
  },
  {
    name: "no event for a corrupt sector",
    edits: [edit("log-mount", "!isBlank(medium.page)", "false")],
  },
  {
    name: "mounting looks at all records of all sectors",
    edits: [
      edit(
        "log-mount",
        "table.set(i, head);",
        "{ table.set(i, head); space.medium.usedBytes(i); medium.loadHead(i, head.opening, 40); }",
      ),
    ],
  },
  {
    name: "what stands behind the end of a sector is given",
    edits: [edit("log-cursor", "&& ordinal < end", "")],
  },
  {
    name: "the end of a sector is looked for only once",
    edits: [
      edit(
        "log-cursor",
        "if (this.offset >= this.used)\n                this",
        "if (!this.used)\n                this",
      ),
    ],
  },
  {
    name: "without a free sector nothing is dropped",
    edits: [edit("log-space", "if (free >= 0)", "if (true)")],
    equivalent: "only a corrupt watermark leaves no sector free, and no script corrupts one so",
  },
  {
    name: "copies of sectors are kept",
    edits: [edit("log-mount", "freeCopies(space);\n", "\n")],
  },
  {
    name: "rewind does nothing",
    edits: [edit("flash-log", "this.cursors[i].seek(this.space.marks.acked[i]);", "{}")],
  },
];
