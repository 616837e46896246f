// CBOR (RFC 8949) of device values, deterministic (§4.2.1). The decoder is a module of its own: few need both.
import { CBOR_DEPTH_MAX, CBOR_ITEMS_MAX, type CborValue } from "./cbor-value.ts";
import { GodwitError } from "./error.ts";
import { encodeUtf8 } from "./utf8.ts";

const TWO_32 = 4_294_967_296;

class Encoder {
  bytes = new Uint8Array(64);
  at = 0;
  private maxBytes: number;
  private items = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** Makes room for `count` bytes and returns where they go. */
  private claim(count: number): number {
    const at = this.at;
    const end = at + count;
    if (end > this.maxBytes) throw new GodwitError("limit", `CBOR: over ${this.maxBytes} bytes`);
    if (end > this.bytes.length) {
      const grown = new Uint8Array(Math.min(this.maxBytes, Math.max(end, this.bytes.length * 2)));
      grown.set(this.bytes.subarray(0, at));
      this.bytes = grown;
    }
    this.at = end;
    return at;
  }

  /** A major type with the shortest form of its argument. */
  private head(major: number, argument: number): void {
    const size =
      argument < 24 ? 0 : argument < 256 ? 1 : argument < 65_536 ? 2 : argument < TWO_32 ? 4 : 8;
    const at = this.claim(1 + size);
    const info = size === 0 ? argument : size === 1 ? 24 : size === 2 ? 25 : size === 4 ? 26 : 27;
    this.bytes[at] = (major << 5) | info;
    let rest = argument;
    for (let i = size; i > 0; i--) {
      this.bytes[at + i] = rest % 256;
      rest = Math.floor(rest / 256);
    }
  }

  private chunk(major: number, chunk: Uint8Array): void {
    this.head(major, chunk.length);
    const at = this.claim(chunk.length);
    this.bytes.set(chunk, at);
  }

  private number(value: number): void {
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) {
      this.head(value < 0 ? 1 : 0, value < 0 ? -1 - value : value);
      return;
    }
    const half = Number.isNaN(value) ? 0x7e00 : halfOf(value);
    const size = half !== undefined ? 2 : Math.fround(value) === value ? 4 : 8;
    const at = this.claim(1 + size);
    this.bytes[at] = size === 2 ? 0xf9 : size === 4 ? 0xfa : 0xfb;
    const view = new DataView(this.bytes.buffer, at + 1, size);
    if (half !== undefined) view.setUint16(0, half);
    else if (size === 4) view.setFloat32(0, value);
    else view.setFloat64(0, value);
  }

  /** Counts as readers do, keys included. */
  private count(): void {
    if (++this.items > CBOR_ITEMS_MAX)
      throw new GodwitError("limit", `CBOR: more than ${CBOR_ITEMS_MAX} values`);
  }

  value(value: CborValue, depth: number): void {
    this.count();
    if (depth > CBOR_DEPTH_MAX) throw new GodwitError("limit", "CBOR: too deep");
    if (typeof value === "number") this.number(value);
    else if (typeof value === "string") this.chunk(3, encodeUtf8(value));
    else if (typeof value === "boolean") this.head(7, value ? 21 : 20);
    else if (value === null) this.head(7, 22);
    else if (value instanceof Uint8Array) this.chunk(2, value);
    else if (isArray(value)) {
      this.head(4, value.length);
      for (const item of value) this.value(item, depth + 1);
    } else if (typeof value === "object") this.map(value, depth);
    else throw new GodwitError("argument", `CBOR: cannot encode ${typeof value}`);
  }

  private map(value: { readonly [key: string]: CborValue }, depth: number): void {
    const keys = Object.keys(value);
    if (keys.length > 1) keys.sort(byEncoding);
    this.head(5, keys.length);
    for (const key of keys) {
      this.count();
      this.chunk(3, encodeUtf8(key));
      this.value(value[key]!, depth + 1);
    }
  }
}

function isArray(value: CborValue): value is readonly CborValue[] {
  return Array.isArray(value);
}

/** Bytewise order of the encoded keys (§4.2.1): their heads sort by length first. */
function byEncoding(left: string, right: string): number {
  const a = encodeUtf8(left);
  const b = encodeUtf8(right);
  let difference = a.length - b.length;
  for (let i = 0; difference === 0 && i < a.length; i++) difference = a[i]! - b[i]!;
  return difference;
}

/** The half-precision bits of `value`, or undefined if they would lose something (§4.2.2). */
function halfOf(value: number): number | undefined {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, value);
  if (view.getFloat32(0) !== value) return undefined;
  const bits = view.getUint32(0);
  const sign = (bits >>> 16) & 0x8000;
  const exponent = (bits >>> 23) & 255;
  const mantissa = bits & 0x7fffff;
  if (exponent === 0) return mantissa === 0 ? sign : undefined;
  if (exponent === 255) return sign | 0x7c00;
  if (exponent > 142 || exponent < 103) return undefined;
  const drop = exponent < 113 ? 126 - exponent : 13;
  const full = mantissa | 0x800000;
  if ((full & ((1 << drop) - 1)) !== 0) return undefined;
  if (exponent < 113) return sign | (full >> drop);
  return sign | ((exponent - 112) << 10) | (mantissa >> 13);
}

/**
 * Deterministic CBOR of `value`: equal values give equal bytes. Whole numbers become integers.
 * @throws GodwitError `limit` beyond `maxBytes`, CBOR_DEPTH_MAX or CBOR_ITEMS_MAX, `argument` for undefined and the like,
 * `malformed` for text with half a surrogate pair.
 */
export function encodeCbor(value: CborValue, maxBytes = 65_536): Uint8Array {
  const encoder = new Encoder(maxBytes);
  encoder.value(value, 0);
  return encoder.bytes.slice(0, encoder.at);
}
