// ESP partition tables, binary and CSV (ESP-IDF "Partition Tables").
import { createHash } from "node:crypto";
import { DeviceError } from "../../serial/error.ts";
import { shorten } from "../../shorten.ts";
import { nameOf, partitionSubtypes, partitionTypes } from "./partition-names-table.ts";
import { hex } from "./regions.ts";

export const tableOffset = 0x8000;
/** The table's content; the sector's rest belongs to a signature. */
export const tableBytes = 0xc00;
const appAlignment = 0x10000;
const dataAlignment = 0x1000;
/** Behind the table's sector; before it nothing but bootloader and table has a place. */
const tableEnd = tableOffset + dataAlignment;
const rowBytes = 32;
/** One place is needed for what ends the table: the MD5 row, or a blank one. */
const rowsMax = tableBytes / rowBytes - 1;
const labelBytesMax = 16;
const flagEncrypted = 1;
const flagReadonly = 2;

export interface Partition {
  readonly name: string;
  readonly type: number;
  readonly subtype: number;
  readonly offset: number;
  readonly size: number;
  readonly isEncrypted: boolean;
  readonly isReadonly: boolean;
}

function bad(what: string): DeviceError {
  return new DeviceError("bad-input", `partition table: ${what}`, {
    hint: "godwit partitions <file> shows a table; columns are name,type,subtype,offset,size,flags",
  });
}

export function typeName(partition: Partition): string {
  return nameOf(partitionTypes, partition.type);
}

export function subtypeName(partition: Partition): string {
  return nameOf(partitionSubtypes[partition.type] ?? {}, partition.subtype);
}

/** @throws DeviceError `bad-input`: which row, what, where */
export function parsePartitionTable(bytes: Uint8Array): readonly Partition[] {
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const rows: Partition[] = [];
  const where = (row: number) => `entry ${row} at ${hex(row * rowBytes)}: `;
  for (let at = 0; ; at += rowBytes) {
    // Without an end the rows go on with whatever the flash holds behind them.
    if (at + rowBytes > Math.min(bytes.length, tableBytes))
      throw bad(`${where(rows.length)}cut off`);
    const magic = data.getUint16(at, false);
    if (magic === 0xffff) break;
    if (magic === 0xebeb) {
      verifyDigest(bytes, at);
      break;
    }
    if (magic !== 0xaa50) throw bad(`row ${rows.length} at ${hex(at)} starts with ${hex(magic)}`);
    if (rows.length === rowsMax) throw tooMany(where(rows.length));
    rows.push(readRow(bytes, data, at));
  }
  if (rows.length === 0) throw bad("it is empty");
  checkPartitions(rows, where);
  return rows;
}

function tooMany(where: string): DeviceError {
  return bad(`${where}the table's sector holds ${rowsMax} entries and no more`);
}

function readRow(bytes: Uint8Array, data: DataView, at: number): Partition {
  const label = bytes.subarray(at + 12, at + 28);
  const end = label.indexOf(0);
  const flags = data.getUint32(at + 28, true);
  return {
    name: new TextDecoder().decode(end < 0 ? label : label.subarray(0, end)),
    type: bytes[at + 2]!,
    subtype: bytes[at + 3]!,
    offset: data.getUint32(at + 4, true),
    size: data.getUint32(at + 8, true),
    isEncrypted: (flags & flagEncrypted) !== 0,
    isReadonly: (flags & flagReadonly) !== 0,
  };
}

function verifyDigest(bytes: Uint8Array, at: number): void {
  const stored = Buffer.from(bytes.subarray(at + 16, at + 32));
  const digest = createHash("md5").update(bytes.subarray(0, at)).digest();
  if (!stored.equals(digest))
    throw bad(`the MD5 row at ${hex(at)} does not match the rows before it`);
}

/** Types that describe the bootloader and the table themselves: they lie where nothing else may. */
const layoutTypes: ReadonlySet<number> = new Set([
  partitionTypes.bootloader!,
  partitionTypes.partition_table!,
]);

/** Place, alignment, overlaps, repeated names; `where` tells a row's line or entry. @throws DeviceError */
export function checkPartitions(
  rows: readonly Partition[],
  where: (row: number) => string = (row) => `entry ${row}: `,
): void {
  const names = new Set<string>();
  rows.forEach((row, index) => {
    const alignment = row.type === 0 ? appAlignment : dataAlignment;
    const at = `${where(index)}'${row.name}'`;
    if (row.offset < tableEnd && !layoutTypes.has(row.type)) {
      throw bad(
        `${at} at ${hex(row.offset)} lies in the bootloader or the table, which end at ${hex(tableEnd)}`,
      );
    }
    if (row.offset % alignment !== 0) {
      throw bad(`${at} at ${hex(row.offset)} is not aligned to ${hex(alignment)}`);
    }
    if (row.size === 0 || row.size % dataAlignment !== 0) {
      throw bad(`${at} has size ${hex(row.size)}, which is no multiple of 0x1000`);
    }
    if (names.has(row.name)) throw bad(`${where(index)}the name '${row.name}' appears twice`);
    names.add(row.name);
  });
  requireApart(rows, where);
}

function requireApart(rows: readonly Partition[], where: (row: number) => string): void {
  const sorted = rows.map((row, index) => ({ ...row, index })).sort((a, b) => a.offset - b.offset);
  sorted.forEach((row, position) => {
    const next = sorted[position + 1];
    const end = row.offset + row.size;
    if (next && end > next.offset) {
      throw bad(`${where(row.index)}'${row.name}' ends at ${hex(end)}, inside '${next.name}'`);
    }
    if (layoutTypes.has(row.type) && row.offset < tableEnd && end > tableEnd) {
      throw bad(`${where(row.index)}'${row.name}' ends at ${hex(end)}, behind the table's sector`);
    }
  });
}

/** The binary table with its MD5 row, padded to 0xC00 bytes. @throws DeviceError */
export function encodePartitionTable(rows: readonly Partition[]): Uint8Array {
  checkPartitions(rows);
  if (rows.length > rowsMax) throw tooMany(`entry ${rowsMax}: `);
  const bytes = new Uint8Array(tableBytes).fill(0xff);
  const data = new DataView(bytes.buffer);
  rows.forEach((row, index) => {
    const at = index * rowBytes;
    bytes.fill(0, at, at + rowBytes);
    data.setUint16(at, 0xaa50, false);
    bytes.set([row.type, row.subtype], at + 2);
    data.setUint32(at + 4, row.offset, true);
    data.setUint32(at + 8, row.size, true);
    bytes.set(new TextEncoder().encode(row.name), at + 12);
    const flags = (row.isEncrypted ? flagEncrypted : 0) | (row.isReadonly ? flagReadonly : 0);
    data.setUint32(at + 28, flags, true);
  });
  const end = rows.length * rowBytes;
  const digest = createHash("md5").update(bytes.subarray(0, end)).digest();
  data.setUint16(end, 0xebeb, false);
  bytes.set(digest, end + 16);
  return bytes;
}

export function partitionsToCsv(rows: readonly Partition[]): string {
  const lines = rows.map((row) => {
    const flags = [row.isEncrypted && "encrypted", row.isReadonly && "readonly"];
    const columns = [row.name, typeName(row), subtypeName(row), hex(row.offset), hex(row.size)];
    return [...columns, flags.filter(Boolean).join(":")].join(",");
  });
  return `${["# name,type,subtype,offset,size,flags", ...lines].join("\n")}\n`;
}

/** @throws DeviceError `bad-input` naming line and column */
export function parsePartitionCsv(csv: string): readonly Partition[] {
  const rows: Partition[] = [];
  const lines: number[] = [];
  let next = tableEnd;
  csv.split(/\r?\n/).forEach((text, index) => {
    const content = text.trim();
    if (content === "" || content.startsWith("#")) return;
    const line = index + 1;
    if (rows.length === rowsMax) throw tooMany(`line ${line}: `);
    const cells = content.split(",").map((cell) => cell.trim());
    const row = parseCsvRow(cells, line, next);
    next = Math.max(tableEnd, row.offset + row.size);
    rows.push(row);
    lines.push(line);
  });
  if (rows.length === 0) throw bad("it is empty");
  checkPartitions(rows, (row) => `line ${lines[row]}: `);
  return rows;
}

function parseCsvRow(cells: readonly string[], line: number, next: number): Partition {
  const [name = "", type = "", subtype = "", offset = "", size = "", flags = ""] = cells;
  const nameBytes = new TextEncoder().encode(name).length;
  if (nameBytes === 0 || nameBytes > labelBytesMax) {
    throw bad(`line ${line}: name '${shorten(name)}' must have 1 to ${labelBytesMax} bytes`);
  }
  const typeCode = code(partitionTypes, type, `line ${line}: type`);
  const alignment = typeCode === 0 ? appAlignment : dataAlignment;
  const flagNames = flags === "" ? [] : flags.split(":");
  const unknown = flagNames.find((flag) => flag !== "encrypted" && flag !== "readonly");
  if (unknown !== undefined) throw bad(`line ${line}: unknown flag '${shorten(unknown)}'`);
  return {
    name,
    type: typeCode,
    subtype: code(partitionSubtypes[typeCode] ?? {}, subtype || "0", `line ${line}: subtype`),
    offset:
      offset === ""
        ? Math.ceil(next / alignment) * alignment
        : parseSize(offset, `line ${line}: offset`),
    size: parseSize(size, `line ${line}: size`),
    isEncrypted: flagNames.includes("encrypted"),
    isReadonly: flagNames.includes("readonly"),
  };
}

function code(names: Readonly<Record<string, number>>, text: string, where: string): number {
  if (Object.hasOwn(names, text)) return names[text]!;
  const value = /^(0x[0-9a-f]{1,2}|\d{1,3})$/i.test(text) ? Number(text) : Number.NaN;
  if (value >= 0 && value <= 0xff) return value;
  throw bad(`${where} '${shorten(text)}' is unknown; known: ${Object.keys(names).join(", ")}`);
}

/** `0x1000`, `4096`, `4K`, `1M`. */
function parseSize(text: string, where: string): number {
  const match = /^(0x[0-9a-f]{1,8}|\d{1,10})([KM]?)$/i.exec(text);
  const unit = match?.[2]?.toUpperCase() === "M" ? 1 << 20 : match?.[2] ? 1024 : 1;
  const value = match ? Number(match[1]) * unit : Number.NaN;
  if (value >= 0 && value <= 0xffffffff) return value;
  throw bad(`${where} '${shorten(text)}' is no number (4096, 0x1000, 4K, 1M)`);
}
