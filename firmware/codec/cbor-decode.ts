// CBOR (RFC 8949) into device values: strict, bounded, and meant for bytes from strangers.
import { CBOR_DEPTH_MAX, CBOR_ITEMS_MAX, type CborValue } from "./cbor-value.ts";
import { GodwitError } from "./error.ts";
import { decodeUtf8 } from "./utf8.ts";

const TWO_32 = 4_294_967_296;

function fail(what: string): never {
  throw new GodwitError("malformed", `CBOR: ${what}`);
}

class Decoder {
  at = 0;
  private items = 0;
  private bytes: Uint8Array;
  private view: DataView;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** Moves over `count` bytes and returns where they began. */
  private take(count: number): number {
    const at = this.at;
    if (count > this.bytes.length - at) fail(`ends early at byte ${at}`);
    this.at = at + count;
    return at;
  }

  private argument(info: number): number {
    if (info < 24) return info;
    if (info > 27) fail(`indefinite or reserved length at byte ${this.at - 1}`);
    const at = this.take(1 << (info - 24));
    if (info === 24) return this.bytes[at]!;
    if (info === 25) return this.view.getUint16(at);
    const high = this.view.getUint32(at);
    if (info === 26) return high;
    const value = high * TWO_32 + this.view.getUint32(at + 4);
    return value <= Number.MAX_SAFE_INTEGER ? value : fail(`integer past 2^53 at byte ${at}`);
  }

  value(depth: number): CborValue {
    const start = this.take(1);
    if (depth > CBOR_DEPTH_MAX || ++this.items > CBOR_ITEMS_MAX)
      throw new GodwitError("limit", `CBOR: too deep or too many values at byte ${start}`);
    const major = this.bytes[start]! >> 5;
    const info = this.bytes[start]! & 31;
    if (major === 7) return this.simple(info, start);
    if (major === 6) fail(`tag at byte ${start}`);
    const argument = this.argument(info);
    if (major === 0) return argument;
    if (major === 1)
      return argument < Number.MAX_SAFE_INTEGER
        ? -1 - argument
        : fail(`integer past -2^53 at byte ${start}`);
    if (major === 2) return this.bytes.slice(this.take(argument), this.at);
    if (major === 3) return this.text(argument);
    return major === 4 ? this.array(argument, depth) : this.map(argument, depth);
  }

  private text(count: number): string {
    const at = this.take(count);
    return decodeUtf8(this.bytes.subarray(at, at + count));
  }

  private simple(info: number, start: number): CborValue {
    if (info === 20 || info === 21) return info === 21;
    if (info === 22) return null;
    if (info === 25) return halfValue(this.view.getUint16(this.take(2)));
    if (info === 26) return this.view.getFloat32(this.take(4));
    if (info === 27) return this.view.getFloat64(this.take(8));
    return fail(`simple value ${info} at byte ${start}`);
  }

  private array(count: number, depth: number): CborValue[] {
    const values: CborValue[] = [];
    for (let i = 0; i < count; i++) values.push(this.value(depth + 1));
    return values;
  }

  private map(count: number, depth: number): { [key: string]: CborValue } {
    const map: { [key: string]: CborValue } = {};
    for (let i = 0; i < count; i++) {
      const at = this.at;
      const key = this.value(depth + 1);
      // "__proto__" would set the prototype instead of a property.
      if (typeof key !== "string" || key === "__proto__") fail(`key at byte ${at}`);
      if (Object.hasOwn(map, key)) fail(`duplicate key at byte ${at}`);
      map[key] = this.value(depth + 1);
    }
    return map;
  }
}

function halfValue(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const mantissa = bits & 1023;
  const size =
    exponent === 31
      ? mantissa === 0
        ? Number.POSITIVE_INFINITY
        : Number.NaN
      : exponent === 0
        ? mantissa * 2 ** -24
        : (1024 + mantissa) * 2 ** (exponent - 25);
  return bits & 0x8000 ? -size : size;
}

/**
 * The one value in `bytes`. Refused: tags, indefinite lengths, undefined and other simple values,
 * keys that are not text, duplicate keys, integers past 2^53, invalid UTF-8, bytes left over.
 * @throws GodwitError `malformed` with the offset; `limit` past CBOR_DEPTH_MAX or CBOR_ITEMS_MAX.
 */
export function decodeCbor(bytes: Uint8Array): CborValue {
  const decoder = new Decoder(bytes);
  const value = decoder.value(0);
  if (decoder.at !== bytes.length) fail(`bytes left over at ${decoder.at}`);
  return value;
}
