// UTF-8 with strict validation (RFC 3629 §3, §4): no overlong forms, no surrogates, nothing past U+10FFFF.
import { GodwitError } from "./error.ts";

// XS walks a string from its start to find character n, so text is taken in short slices:
// quadratic time stays out of long texts, and no string is made per character.
const BLOCK = 64;

/**
 * Writes `text` as UTF-8 into `target` from `offset` on and returns the offset behind it.
 * Without a target nothing is written: the result is the number of bytes needed (plus `offset`).
 * @throws GodwitError `malformed` if the text holds half a surrogate pair.
 */
export function writeUtf8(text: string, target?: Uint8Array, offset = 0): number {
  let high = 0;
  let at = offset;
  for (let start = 0; start < text.length; start += BLOCK) {
    const block = text.slice(start, start + BLOCK);
    for (let i = 0; i < block.length; i++) {
      let code = block.charCodeAt(i);
      if (high !== 0) {
        if (code < 0xdc00 || code > 0xdfff) throw new GodwitError("malformed", "lone surrogate");
        code = 0x10000 + ((high - 0xd800) << 10) + code - 0xdc00;
        high = 0;
      } else if (code >= 0xd800 && code <= 0xdfff) {
        if (code > 0xdbff) throw new GodwitError("malformed", "lone surrogate");
        high = code;
        continue;
      }
      const bytes = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
      if (target) put(target, at, code, bytes);
      at += bytes;
    }
  }
  if (high !== 0) throw new GodwitError("malformed", "lone surrogate");
  return at;
}

function put(target: Uint8Array, offset: number, code: number, bytes: number): void {
  let rest = code;
  for (let i = bytes - 1; i > 0; i--) {
    target[offset + i] = 0x80 | (rest & 0x3f);
    rest >>= 6;
  }
  target[offset] = bytes === 1 ? rest : rest | (bytes === 2 ? 0xc0 : bytes === 3 ? 0xe0 : 0xf0);
}

/**
 * The UTF-8 bytes of `text`.
 * @throws GodwitError `malformed` if the text holds half a surrogate pair.
 */
export function encodeUtf8(text: string): Uint8Array {
  const bytes = new Uint8Array(writeUtf8(text));
  writeUtf8(text, bytes);
  return bytes;
}

/**
 * The text of UTF-8 `bytes`. A byte order mark is kept as U+FEFF (MQTT 3.1.1 §1.5.3 demands it).
 * @throws GodwitError `malformed` with the offset of the first bad sequence.
 */
export function decodeUtf8(bytes: Uint8Array): string {
  let text = "";
  let codes: number[] = [];
  for (let i = 0; i < bytes.length; ) {
    const start = i;
    const lead = bytes[i++]!;
    let code = lead;
    if (lead >= 0x80) {
      const more = lead < 0xc2 ? -1 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : lead < 0xf5 ? 3 : -1;
      code = lead & (0x3f >> more);
      let left = more;
      for (; left > 0 && (bytes[i]! & 0xc0) === 0x80; left--)
        code = (code << 6) | (bytes[i++]! & 63);
      const isOverlong = (more === 2 && code < 0x800) || (more === 3 && code < 0x10000);
      if (left !== 0 || isOverlong || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        throw new GodwitError("malformed", `bad UTF-8 at byte ${start}`);
    }
    codes.push(code);
    if (codes.length === BLOCK || i === bytes.length) {
      text += String.fromCodePoint(...codes);
      codes = [];
    }
  }
  return text;
}
