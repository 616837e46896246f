// Reading NVS partitions, format version 2. Damaged entries are left out, as the driver does.
import {
  crc,
  entriesMax,
  entryBytes,
  firstEntry,
  integerTypes,
  type NvsEntry,
  type NvsInteger,
  type NvsValue,
  pageBytes,
  typeBlobData,
  typeBlobIndex,
  typeString,
  version2,
} from "./nvs-format.ts";

interface RawEntry {
  readonly namespace: number;
  readonly type: number;
  readonly chunk: number;
  readonly key: string;
  readonly data: DataView;
  readonly content: Uint8Array;
}

/** What a partition holds; damaged entries are left out, as the driver does. */
export function parseNvs(bytes: Uint8Array): readonly NvsEntry[] {
  const raw: RawEntry[] = [];
  for (let at = 0; at + pageBytes <= bytes.length; at += pageBytes) {
    raw.push(...readPage(bytes.subarray(at, at + pageBytes)));
  }
  const names = new Map<number, string>();
  for (const entry of raw) if (entry.namespace === 0) names.set(entry.data.getUint8(0), entry.key);
  return raw.flatMap((entry): NvsEntry[] => {
    const namespace = names.get(entry.namespace);
    const value = namespace === undefined ? undefined : readValue(entry, raw);
    return value ? [{ namespace: namespace!, key: entry.key, ...value }] : [];
  });
}

/** Whether at least one page of an NVS partition is there. */
export function isNvs(bytes: Uint8Array): boolean {
  for (let at = 0; at + pageBytes <= bytes.length; at += pageBytes) {
    if (isPage(bytes.subarray(at, at + pageBytes))) return true;
  }
  return false;
}

function isPage(page: Uint8Array): boolean {
  const sum = new DataView(page.buffer, page.byteOffset, pageBytes).getUint32(28, true);
  return page[8] === version2 && sum === crc(page.subarray(4, 28));
}

function readPage(page: Uint8Array): readonly RawEntry[] {
  const head = new DataView(page.buffer, page.byteOffset, pageBytes);
  if (!isPage(page)) return [];
  const entries: RawEntry[] = [];
  for (let index = 0; index < entriesMax; ) {
    const isWritten = ((page[entryBytes + (index >> 2)]! >> ((index & 3) * 2)) & 3) === 2;
    const at = firstEntry + index * entryBytes;
    const entry = page.subarray(at, at + entryBytes);
    const covered = Buffer.concat([entry.subarray(0, 4), entry.subarray(8)]);
    const isIntact = isWritten && head.getUint32(at + 4, true) === crc(covered);
    const span = isIntact ? Math.max(1, entry[2]!) : 1;
    if (isIntact)
      entries.push(rawEntry(entry, page.subarray(at + entryBytes, at + span * entryBytes)));
    index += span;
  }
  return entries;
}

function rawEntry(entry: Uint8Array, content: Uint8Array): RawEntry {
  const key = entry.subarray(8, 24);
  const end = key.indexOf(0);
  return {
    namespace: entry[0]!,
    type: entry[1]!,
    chunk: entry[3]!,
    key: new TextDecoder().decode(end < 0 ? key : key.subarray(0, end)),
    data: new DataView(entry.buffer, entry.byteOffset + 24, 8),
    content,
  };
}

function contentOf({ data, content }: RawEntry): Uint8Array | undefined {
  const exact = content.subarray(0, data.getUint16(0, true));
  return data.getUint32(4, true) === crc(exact) ? exact : undefined;
}

function readValue(entry: RawEntry, all: readonly RawEntry[]): NvsValue | undefined {
  if (entry.type === typeString) {
    const content = contentOf(entry);
    return content && { type: "string", value: new TextDecoder().decode(content.subarray(0, -1)) };
  }
  if (entry.type === typeBlobIndex) {
    const count = entry.data.getUint8(4);
    const chunks = all
      .filter((other) => other.type === typeBlobData && other.key === entry.key)
      .filter((other) => other.namespace === entry.namespace && other.chunk < count)
      .sort((a, b) => a.chunk - b.chunk)
      .map(contentOf);
    const isWhole = chunks.length === count && chunks.every((chunk) => chunk !== undefined);
    return isWhole ? { type: "blob", value: Buffer.concat(chunks as Uint8Array[]) } : undefined;
  }
  const found = Object.entries(integerTypes).find(([, { code }]) => code === entry.type);
  if (!found) return undefined;
  const bits = (found[1].code & 0x0f) * 8;
  const value = BigInt.asUintN(bits, entry.data.getBigUint64(0, true));
  const isSigned = found[1].min < 0n;
  return { type: found[0] as NvsInteger, value: isSigned ? BigInt.asIntN(bits, value) : value };
}
