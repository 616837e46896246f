// ESP partition tables, binary and CSV (ESP-IDF "Partition Tables").
import { createHash } from "node:crypto";
import { DeviceError } from "../../serial/error.ts";
import { shorten } from "../../shorten.ts";
import { nameOf, partitionSubtypes, partitionTypes } from "./partition-names-table.ts";
import { hex } from "./regions.ts";

export const tableOffset = 0x8000;
/** The table's content; the sector's rest belongs to a signature. */
export const tableBytes = 0xc00;
const rowBytes = 32;
const labelBytesMax = 16;
const appAlignment = 0x10000;
const dataAlignment = 0x1000;
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
  for (let at = 0; at + rowBytes <= Math.min(bytes.length, tableBytes); at += rowBytes) {
    const magic = data.getUint16(at, false);
    if (magic === 0xffff) break;
    if (magic === 0xebeb) {
      verifyDigest(bytes, at);
      break;
    }
    if (magic !== 0xaa50) throw bad(`row ${rows.length} at ${hex(at)} starts with ${hex(magic)}`);
    rows.push(readRow(bytes, data, at));
  }
  if (rows.length === 0) throw bad("it is empty");
  checkPartitions(rows);
  return rows;
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

/** Alignment, overlaps, repeated names. @throws DeviceError */
export function checkPartitions(rows: readonly Partition[]): void {
  const names = new Set<string>();
  for (const row of rows) {
    const alignment = row.type === 0 ? appAlignment : dataAlignment;
    if (row.offset % alignment !== 0) {
      throw bad(`'${row.name}' at ${hex(row.offset)} is not aligned to ${hex(alignment)}`);
    }
    if (row.size === 0 || row.size % dataAlignment !== 0) {
      throw bad(`'${row.name}' has size ${hex(row.size)}, which is no multiple of 0x1000`);
    }
    if (names.has(row.name)) throw bad(`the name '${row.name}' appears twice`);
    names.add(row.name);
  }
  const sorted = [...rows].sort((a, b) => a.offset - b.offset);
  sorted.forEach((row, index) => {
    const next = sorted[index + 1];
    if (next && row.offset + row.size > next.offset) {
      throw bad(`'${row.name}' ends at ${hex(row.offset + row.size)}, inside '${next.name}'`);
    }
  });
}

/** The binary table with its MD5 row, padded to 0xC00 bytes. @throws DeviceError */
export function encodePartitionTable(rows: readonly Partition[]): Uint8Array {
  checkPartitions(rows);
  if ((rows.length + 1) * rowBytes > tableBytes) throw bad(`${rows.length} rows do not fit`);
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
  let next = tableOffset + dataAlignment;
  csv.split(/\r?\n/).forEach((line, index) => {
    const content = line.trim();
    if (content === "" || content.startsWith("#")) return;
    const row = parseCsvRow(
      content.split(",").map((cell) => cell.trim()),
      index + 1,
      next,
    );
    next = row.offset + row.size;
    rows.push(row);
  });
  if (rows.length === 0) throw bad("it is empty");
  checkPartitions(rows);
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
