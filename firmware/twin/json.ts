/** JSON (RFC 8259) read member by member from bytes: foreign or hostile parts are skipped, never built in memory. */
import { GodwitError } from "../codec/error.ts";
import { decodeUtf8, writeUtf8 } from "../codec/utf8.ts";
import type { Schema } from "../model/types.ts";

/** Deeper nesting is refused before a recursive parser could run out of stack. The hub itself allows 10. */
const depthMax = 16;
/** Longer member names cannot be in any model and are passed over unread. */
const nameBytesMax = 80;

const quote = 34;
const comma = 44;
const colon = 58;
const backslash = 92;

function malformed(at: number): GodwitError {
  return new GodwitError("malformed", `JSON breaks at byte ${at}`);
}

function skipSpace(bytes: Uint8Array, at: number, end: number): number {
  let i = at;
  while (i < end && (bytes[i] === 32 || (bytes[i]! >= 9 && bytes[i]! <= 13))) i++;
  return i;
}

function skipString(bytes: Uint8Array, at: number, end: number): number {
  for (let i = at + 1; i < end; i++) {
    if (bytes[i] === backslash) i++;
    else if (bytes[i] === quote) return i + 1;
  }
  throw malformed(at);
}

/** Offset behind the value that begins at `at`: brackets are matched, the rest is left to who parses it. */
function skipValue(bytes: Uint8Array, at: number, end: number): number {
  let depth = 0;
  for (let i = at; i < end; i++) {
    const byte = bytes[i]!;
    // [ and { differ from ] and } by 2; setting bit 5 makes each pair one.
    const bracket = byte | 32;
    if (byte === quote) {
      i = skipString(bytes, i, end) - 1;
      if (depth === 0) return i + 1;
    } else if (bracket === 123) {
      if (++depth > depthMax) throw malformed(i);
    } else if (bracket === 125) {
      if (depth === 0) return i;
      if (--depth === 0) return i + 1;
    } else if (byte === comma && depth === 0) return i;
  }
  if (depth > 0) throw malformed(end);
  return end;
}

/** Walks over the members of one JSON object; `name`, `start` and `end` describe the current one. */
export class JsonMembers {
  name = "";
  start = 0;
  end = 0;
  private bytes: Uint8Array;
  private at: number;
  private limit: number;
  private isFirst = true;

  /** @throws GodwitError `malformed` if there is no object between `start` and `limit` */
  constructor(bytes: Uint8Array, start = 0, limit = bytes.length) {
    this.bytes = bytes;
    this.limit = limit;
    this.at = this.expect(123, start);
  }

  private expect(byte: number, from: number): number {
    const at = skipSpace(this.bytes, from, this.limit);
    if (at >= this.limit || this.bytes[at] !== byte) throw malformed(at);
    return at + 1;
  }

  /**
   * Steps to the next member; false at the end of the object.
   * @throws GodwitError `malformed` with the offset of the fault
   */
  next(): boolean {
    const bytes = this.bytes;
    let at = skipSpace(bytes, this.at, this.limit);
    if (bytes[at] === 125 && at < this.limit) {
      if (skipSpace(bytes, at + 1, this.limit) !== this.limit) throw malformed(at + 1);
      return false;
    }
    if (!this.isFirst) at = this.expect(comma, at);
    this.isFirst = false;
    const nameAt = this.expect(quote, at) - 1;
    const nameEnd = skipString(bytes, nameAt, this.limit);
    this.name =
      nameEnd - nameAt > nameBytesMax ? "" : String(parseJson(bytes.subarray(nameAt, nameEnd), 1));
    this.start = skipSpace(bytes, this.expect(colon, nameEnd), this.limit);
    this.end = skipValue(bytes, this.start, this.limit);
    this.at = this.end;
    return true;
  }
}

/** How many JSON values a value of `schema` consists of at most. */
export function countMax(schema: Schema): number {
  if (schema.type === "array") return 1 + schema.maxItems * countMax(schema.items);
  let count = 1;
  if (schema.type === "object") {
    for (const name of Object.keys(schema.fields)) count += countMax(schema.fields[name]!);
  }
  return count;
}

/**
 * The JSON value in `bytes`, if it consists of no more than `valuesMax` values.
 * @throws GodwitError `malformed` or `limit`
 */
export function parseJson(bytes: Uint8Array, valuesMax: number): unknown {
  let values = 1;
  let depth = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (byte === quote) i = skipString(bytes, i, bytes.length) - 1;
    else if (byte === comma || (byte | 32) === 123) {
      // An empty object counts its absent member too: the margin is one per object.
      if (++values > 2 * valuesMax) throw new GodwitError("limit", "JSON holds too many values");
      if (byte !== comma && ++depth > depthMax) throw malformed(i);
    } else if ((byte | 32) === 125) depth--;
  }
  try {
    return JSON.parse(decodeUtf8(bytes));
  } catch (cause) {
    throw new GodwitError("malformed", "is not JSON", cause);
  }
}

/** Whether two JSON values are equal; members that are null or undefined count as absent, as in a twin. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) {
    return (a ?? undefined) === (b ?? undefined);
  }
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  for (const key of Object.keys(left)) {
    if (!sameJson(left[key], Object.hasOwn(right, key) ? right[key] : undefined)) return false;
  }
  for (const key of Object.keys(right)) {
    if (!Object.hasOwn(left, key) && (right[key] ?? undefined) !== undefined) return false;
  }
  return Array.isArray(a) === Array.isArray(b);
}

/** Size of a value by the hub's own rule for twins: keys and text in UTF-8, numbers 8, booleans 4. */
export function twinSize(value: unknown): number {
  if (typeof value === "string") return writeUtf8(value);
  if (typeof value === "number") return 8;
  if (typeof value !== "object" || value === null) return 4;
  let size = 0;
  for (const key of Object.keys(value)) {
    size += (Array.isArray(value) ? 0 : key.length) + twinSize((value as never)[key]);
  }
  return size;
}
