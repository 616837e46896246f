/** A reader of DER (X.690): one definite form for every value; anything else is refused with its place. */
import { GodwitError } from "../../codec/error.ts";

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
};

const LENGTH_DIGITS_MAX = 3;

export class Der {
  readonly bytes: Uint8Array;
  private at: number;
  private readonly end: number;

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  get isEmpty(): boolean {
    return this.at >= this.end;
  }

  /** The next value's tag; -1 at the end. */
  get tag(): number {
    return this.isEmpty ? -1 : this.bytes[this.at]!;
  }

  /** Enters the next value, which must have this tag. */
  enter(tag: number): Der {
    if (this.tag !== tag) throw this.malformed(`tag ${tag} expected, ${this.tag} found`);
    const from = this.at;
    const body = this.header(from);
    this.at = body.end;
    return body;
  }

  /** Enters the next value if it has this tag. */
  optional(tag: number): Der | undefined {
    return this.tag === tag ? this.enter(tag) : undefined;
  }

  /** The next value with its header. */
  whole(): Uint8Array {
    const from = this.at;
    this.at = this.header(from).end;
    return this.bytes.subarray(from, this.at);
  }

  /** What is left, as bytes. */
  rest(): Uint8Array {
    return this.bytes.subarray(this.at, this.end);
  }

  /** Nothing may be left. */
  finish(): void {
    if (!this.isEmpty) throw this.malformed("bytes left over");
  }

  malformed(what: string): GodwitError {
    return new GodwitError("malformed", `certificate: ${what} at byte ${this.at}`);
  }

  private header(from: number): Der {
    const first = this.bytes[from + 1] ?? 0;
    const digits = first < 128 ? 0 : first & 127;
    let length = digits === 0 ? first : 0;
    for (let i = 0; i < digits; i++) length = length * 256 + (this.bytes[from + 2 + i] ?? 0);
    const body = from + 2 + digits;
    const isIndefinite = first === 128 || digits > LENGTH_DIGITS_MAX;
    const isLong = digits > 0 && length < (digits === 1 ? 128 : 256 ** (digits - 1));
    if (isIndefinite || isLong || (this.tag & 31) === 31 || body + length > this.end)
      throw this.malformed("no definite DER value");
    return new Der(this.bytes, body, body + length);
  }
}

/** Contents of an object identifier as hexadecimal digits: comparable, and readable in a message. */
export function hex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += (byte < 16 ? "0" : "") + byte.toString(16);
  return text;
}

/** Contents of a string type that carries ASCII; other bytes become what no name contains. */
export function ascii(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte > 32 && byte < 127 ? String.fromCharCode(byte) : "\0";
  return text;
}
