// Texts and objects of a channel, each once (firmware/SPEC.md §5): a cell holds the number of its entry.
import { GodwitError } from "../error.ts";
import { writeUtf8 } from "../utf8.ts";
import { ENTRIES_MAX, ENTRY_BYTES_MAX } from "./layout.ts";

/** Turns values that are neither numbers, booleans nor texts into bytes (CBOR). */
export type EncodeObject = (value: unknown) => Uint8Array;

/** An encoded object with one character per byte. @throws GodwitError `argument` where nothing encodes objects */
export function packObject(value: unknown, encodeObject: EncodeObject | undefined): string {
  if (!encodeObject)
    throw new GodwitError("argument", `a ${typeof value} in a channel of other values`);
  let text = "";
  for (const byte of encodeObject(value)) text += String.fromCharCode(byte);
  return text;
}

/** Number of a text or packed object in `entries`. @throws GodwitError `limit` if there are too many */
export function entryOf(entries: string[], text: string, isText: boolean): number {
  const at = entries.indexOf(text);
  if (at >= 0) return at;
  if (entries.length >= ENTRIES_MAX)
    throw new GodwitError("limit", `more than ${ENTRIES_MAX} different texts in one batch`);
  // Counting the bytes also refuses half surrogate pairs now, while only this row is lost.
  const bytes = isText ? writeUtf8(text) : text.length;
  if (bytes > ENTRY_BYTES_MAX)
    throw new GodwitError("limit", `a text of ${bytes} bytes, at most ${ENTRY_BYTES_MAX}`);
  return entries.push(text) - 1;
}
