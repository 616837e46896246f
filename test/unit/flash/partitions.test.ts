// Partition tables, binary and CSV: one becomes the other and back; what cannot work is refused by its row.
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import {
  encodePartitionTable,
  parsePartitionCsv,
  parsePartitionTable,
  partitionsToCsv,
} from "../../../host-tools/flash/esp/partitions.ts";
import { sampleCsv } from "../../support/esp-formats.ts";

const rowsOf = (count: number) =>
  Array.from({ length: count }, (_, row) => `p${row},data,0x99,,4K\n`).join("");

test("a partition table survives CSV, binary and back", () => {
  const rows = parsePartitionCsv(sampleCsv);
  expect(rows.map((row) => row.offset)).toEqual([0x9000, 0xf000, 0x10000, 0x110000]);
  const binary = encodePartitionTable(rows);
  expect(binary.length).toBe(0xc00);
  expect(parsePartitionTable(binary)).toEqual(rows);
  expect(parsePartitionCsv(partitionsToCsv(rows))).toEqual(rows);
  // The row after the last one: its mark, and the MD5 of the rows before it.
  const end = rows.length * 32;
  expect([...binary.subarray(end, end + 2)]).toEqual([0xeb, 0xeb]);
  const md5 = createHash("md5").update(binary.subarray(0, end)).digest();
  expect(Buffer.from(binary.subarray(end + 16, end + 32))).toEqual(md5);
});

test.each([
  ["a,app,factory,0x9000,1M", "not aligned"],
  ["a,data,nvs,0x9000,0x6000\nb,data,phy,0xa000,4K", "inside 'b'"],
  ["a,data,nvs,0x9000,4K\na,data,nvs,0xa000,4K", "twice"],
  ["a,data,nvs,0x9000,many", "line 1: size 'many'"],
  ["a,what,nvs,0x9000,4K", "line 1: type 'what'"],
  ["much-too-long-a-name,data,nvs,0x9000,4K", "1 to 16 bytes"],
  ["a,data,nvs,0x9000,4K,shiny", "unknown flag 'shiny'"],
  [
    "a,data,nvs,0x9000,4K\n\n# low\nb,data,phy,0x8000,4K",
    "line 4: 'b' at 0x8000 lies in the bootloader",
  ],
  ["a,data,nvs,0x0,4K", "line 1: 'a' at 0x0"],
  ["a,app,factory,0,1M", "line 1: 'a' at 0x0"],
  ["b,bootloader,primary,0,0xa000", "line 1: 'b' ends at 0xa000"],
  [rowsOf(96), "line 96: the table's sector holds 95 entries"],
  ["", "empty"],
])("a table is refused: %j", (text, message) => {
  expect(() => parsePartitionCsv(text)).toThrow(message);
});

test("a binary table that cannot work is refused by its entry", () => {
  const full = encodePartitionTable(parsePartitionCsv(rowsOf(95)));
  expect(parsePartitionTable(full)).toHaveLength(95);
  const endless = new Uint8Array(full);
  endless.copyWithin(95 * 32, 94 * 32, 95 * 32);
  expect(() => parsePartitionTable(endless)).toThrow("entry 95 at 0xbe0: the table's sector");
  const low = new Uint8Array(0xc00).fill(0xff);
  low.set(full.subarray(0, 64));
  new DataView(low.buffer).setUint32(32 + 4, 0x8000, true);
  expect(() => parsePartitionTable(low)).toThrow("entry 1 at 0x20: 'p1' at 0x8000 lies in");
});

test("rows for the bootloader and the table themselves are no fault", () => {
  const text = "b,bootloader,primary,0,32K\nt,partition_table,primary,0x8000,4K\na,data,nvs,,16K\n";
  const rows = parsePartitionCsv(text);
  expect(rows.map(({ offset }) => offset)).toEqual([0, 0x8000, 0x9000]);
  expect(parsePartitionTable(encodePartitionTable(rows))).toEqual(rows);
});

test("a damaged binary table is refused by its MD5 row", () => {
  const binary = encodePartitionTable(parsePartitionCsv(sampleCsv));
  binary[9]! ^= 0x10;
  expect(() => parsePartitionTable(binary)).toThrow("MD5 row");
});
