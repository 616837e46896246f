// Percent-encoding (RFC 3986 §2.1) of UTF-8 text, as in SAS tokens and property bags. "+" is a plus sign.
import { GodwitError } from "./error.ts";
import { decodeUtf8, encodeUtf8 } from "./utf8.ts";

function isUnreserved(code: number): boolean {
  return (
    (code >= 97 && code <= 122) ||
    (code >= 65 && code <= 90) ||
    (code >= 48 && code <= 57) ||
    code === 0x2d ||
    code === 0x2e ||
    code === 0x5f ||
    code === 0x7e
  );
}

/**
 * `text` with everything but RFC 3986's unreserved characters escaped (upper-case digits).
 * @throws GodwitError `malformed` for half a surrogate pair.
 */
export function encodePercent(text: string): string {
  const bytes = encodeUtf8(text);
  const escaped = new Uint8Array(bytes.length * 3);
  let at = 0;
  for (const byte of bytes) {
    if (isUnreserved(byte)) escaped[at++] = byte;
    else {
      escaped[at++] = 0x25;
      for (const digit of [byte >> 4, byte & 15]) escaped[at++] = digit + (digit < 10 ? 48 : 55);
    }
  }
  return decodeUtf8(escaped.subarray(0, at));
}

function digitOf(code: number | undefined): number {
  if (code === undefined) return -1;
  if (code >= 48 && code <= 57) return code - 48;
  const letter = code | 0x20;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}

/**
 * The text behind percent-encoded `text`.
 * @throws GodwitError `malformed` for a broken escape or escaped bytes that are not UTF-8.
 */
export function decodePercent(text: string): string {
  if (text.indexOf("%") < 0) return text;
  const bytes = encodeUtf8(text);
  let at = 0;
  for (let i = 0; i < bytes.length; i++) {
    let byte = bytes[i]!;
    if (byte === 0x25) {
      const high = digitOf(bytes[i + 1]);
      const low = digitOf(bytes[i + 2]);
      if (high < 0 || low < 0) throw new GodwitError("malformed", `bad escape at byte ${i}`);
      byte = (high << 4) | low;
      i += 2;
    }
    bytes[at++] = byte;
  }
  return decodeUtf8(bytes.subarray(0, at));
}
