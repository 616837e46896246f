// Builds and reads the packets of ops.ts on the board's side.
type Bytes = ArrayBuffer | ArrayBufferView;

/** A view over whatever holds bytes. @throws TypeError for anything else. */
export function bytesOf(value: Bytes): Uint8Array {
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (ArrayBuffer.isView(value))
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  throw new TypeError("no buffer");
}

/** UTF-8 of a text that fits a length byte. @throws RangeError beyond `bytesMax`. */
export function textBytes(text: string, bytesMax: number): Uint8Array {
  const bytes = new Uint8Array(ArrayBuffer.fromString(text));
  if (bytes.length === 0 || bytes.length > bytesMax) throw new RangeError(`invalid name: ${text}`);
  return bytes;
}

/** Joins parts: numbers are u32, text and length-prefixed parts are given as [bytes], raw parts as bytes. */
export function packet(...parts: (number | readonly [Uint8Array] | Uint8Array)[]): ArrayBuffer {
  let size = 0;
  for (const part of parts)
    size +=
      typeof part === "number" ? 4 : part instanceof Uint8Array ? part.length : 1 + part[0].length;
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const part of parts) {
    if (typeof part === "number") {
      view.setUint32(at, part, true);
      at += 4;
    } else if (part instanceof Uint8Array) {
      bytes.set(part, at);
      at += part.length;
    } else {
      bytes[at] = part[0].length;
      bytes.set(part[0], at + 1);
      at += 1 + part[0].length;
    }
  }
  return bytes.buffer;
}

/** The u32 at a place of an answer or event. */
export function u32(buffer: ArrayBuffer, at = 0): number {
  return new DataView(buffer).getUint32(at, true);
}

/** The rest of an event as text. */
export function textFrom(buffer: ArrayBuffer, at: number): string {
  return String.fromArrayBuffer(buffer.slice(at));
}
