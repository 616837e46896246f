// Base64 (RFC 4648 §4), strict: padding required, no line breaks, unused bits zero.
import { GodwitError } from "./error.ts";
import { decodeUtf8, encodeUtf8 } from "./utf8.ts";

const PAD = 0x3d;

/** Arithmetic instead of a table: a table would cost RAM for the few keys a device ever handles. */
function letter(value: number): number {
  if (value < 26) return 65 + value;
  if (value < 52) return 71 + value;
  if (value < 62) return value - 4;
  return value === 62 ? 0x2b : 0x2f;
}

function letterValue(code: number): number {
  if (code >= 65 && code <= 90) return code - 65;
  if (code >= 97 && code <= 122) return code - 71;
  if (code >= 48 && code <= 57) return code + 4;
  if (code === 0x2b) return 62;
  return code === 0x2f ? 63 : -1;
}

/** Base64 text of `bytes`, padded. */
export function encodeBase64(bytes: Uint8Array): string {
  const text = new Uint8Array(Math.ceil(bytes.length / 3) * 4).fill(PAD);
  let at = 0;
  let held = 0;
  let bits = 0;
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xffff;
    for (bits += 8; bits >= 6; text[at++] = letter((held >> bits) & 63)) bits -= 6;
  }
  if (bits > 0) text[at] = letter((held << (6 - bits)) & 63);
  return decodeUtf8(text);
}

/**
 * The bytes of Base64 `text`.
 * @throws GodwitError `malformed` with the offset. The message never quotes the text: it may be a key.
 */
export function decodeBase64(text: string): Uint8Array {
  const codes = encodeUtf8(text);
  if (codes.length % 4 !== 0) throw new GodwitError("malformed", "Base64 length is not 4n");
  let end = codes.length;
  while (end > codes.length - 2 && codes[end - 1] === PAD) end--;
  const bytes = new Uint8Array((end * 3) >> 2);
  let at = 0;
  let held = 0;
  let bits = 0;
  for (let i = 0; i < end; i++) {
    const value = letterValue(codes[i]!);
    if (value < 0) throw new GodwitError("malformed", `bad Base64 character at ${i}`);
    held = ((held << 6) | value) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = held >> bits;
    }
  }
  if ((held & ((1 << bits) - 1)) !== 0) throw new GodwitError("malformed", "loose Base64 bits");
  return bytes;
}
