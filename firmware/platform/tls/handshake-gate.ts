/** The clear part of a TLS 1.2 handshake (RFC 5246), watched: only the one right order of messages gets through. */
import { GodwitError } from "../../codec/error.ts";
import { Der, TAG } from "./der.ts";

/** Record types (§6.2.1). */
const CHANGE_CIPHER_SPEC = 20;
const HANDSHAKE = 22;
/** Handshake messages (§7.4) that a server sends, in this order; the two in the middle are not for everybody. */
const HELLO = 2;
const CERTIFICATE = 11;
const KEY_EXCHANGE = 12;
const CERTIFICATE_REQUEST = 13;
const HELLO_DONE = 14;

const TLS_1_2 = 0x0303;
const RECORD_HEADER_BYTES = 5;
const RECORD_BYTES_MAX = 16_384;
/** An encrypted record may be longer (§6.2.3). */
const CIPHER_BYTES_MAX = RECORD_BYTES_MAX + 2048;
/** With ephemeral keys that the server signs: AES-128 in CBC and GCM behind RSA, in GCM behind ECDSA. */
const SUITES: readonly number[] = [0xc027, 0xc02f, 0xc02b];
/** The only curve and the only signatures that are offered: P-256; SHA-256 with RSA or ECDSA. */
const NAMED_CURVE = 3;
const SECP256R1 = 23;
const SHA256 = 4;
const RSA = 1;
const ECDSA = 3;

export class HandshakeGate {
  /** True from the server's Finished on: everything is encrypted, and the gate has nothing more to say. */
  isOpen = false;
  private readonly judge: (chain: Uint8Array[]) => void;
  private record = new Uint8Array(RECORD_HEADER_BYTES);
  private filled = 0;
  /** What came last: a message, or CHANGE_CIPHER_SPEC. */
  private last = 0;

  /** `judge` throws if it does not trust the chain. */
  constructor(judge: (chain: Uint8Array[]) => void) {
    this.judge = judge;
  }

  /**
   * The next bytes from the server, before anybody acts on them.
   * @throws GodwitError, after which the connection must be given up: `malformed`, or what the judge throws.
   */
  feed(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length && !this.isOpen; ) {
      const count = Math.min(this.record.length - this.filled, bytes.length - at);
      this.record.set(bytes.subarray(at, at + count), this.filled);
      this.filled += count;
      at += count;
      if (this.filled < this.record.length) return;
      if (this.filled === RECORD_HEADER_BYTES) this.begin();
      else this.end();
    }
  }

  /** A header is complete. Refused as early as that: nobody should wait for the rest of a wrong record. */
  private begin(): void {
    const [type, major = 0, minor = 0, high = 0, low = 0] = this.record;
    const isEncrypted = this.last === CHANGE_CIPHER_SPEC;
    const expected = this.last === HELLO_DONE ? CHANGE_CIPHER_SPEC : HANDSHAKE;
    if (type !== expected) throw malformed(`record of type ${type} within the handshake`);
    const length = (high << 8) | low;
    const lengthMax = isEncrypted ? CIPHER_BYTES_MAX : RECORD_BYTES_MAX;
    if (((major << 8) | minor) !== TLS_1_2 || length === 0 || length > lengthMax)
      throw malformed("record header");
    if (isEncrypted) {
      // Finished itself is the TLS client's to check: it has the keys.
      this.isOpen = true;
      return;
    }
    const record = new Uint8Array(RECORD_HEADER_BYTES + length);
    record.set(this.record);
    this.record = record;
  }

  private end(): void {
    const { record } = this;
    this.record = new Uint8Array(RECORD_HEADER_BYTES);
    this.filled = 0;
    if (record[0] === CHANGE_CIPHER_SPEC) {
      if (record.length !== 6 || record[5] !== 1) throw malformed("ChangeCipherSpec");
      this.last = CHANGE_CIPHER_SPEC;
      return;
    }
    for (let at = RECORD_HEADER_BYTES; at < record.length; ) {
      const [type = 0, high = 0, middle = 0, low = 0] = record.subarray(at, at + 4);
      const end = at + 4 + ((high << 16) | (middle << 8) | low);
      // Parts of messages in several records: the SDK's client cannot put them together either.
      if (at + 4 > record.length || end > record.length) throw malformed(`message ${type} is cut`);
      this.message(type, new Fields(record.subarray(at + 4, end)));
      at = end;
    }
  }

  private message(type: number, fields: Fields): void {
    if (!isNext(this.last, type)) throw malformed(`message ${type} after ${this.last}`);
    this.last = type;
    if (type === HELLO) checkHello(fields);
    else if (type === CERTIFICATE) this.judge(certificatesOf(fields));
    else if (type === KEY_EXCHANGE) checkKeyExchange(fields);
    else if (type === HELLO_DONE) fields.finish();
  }
}

function isNext(last: number, type: number): boolean {
  switch (type) {
    case HELLO:
      return last === 0;
    case CERTIFICATE:
      return last === HELLO;
    case KEY_EXCHANGE:
      return last === CERTIFICATE;
    case CERTIFICATE_REQUEST:
      return last === KEY_EXCHANGE;
    case HELLO_DONE:
      return last === KEY_EXCHANGE || last === CERTIFICATE_REQUEST;
    default:
      return false;
  }
}

/** §7.4.1.3. Another version or suite would change what the rest means, or take the server's signature out of it. */
function checkHello(fields: Fields): void {
  if (fields.number(2) !== TLS_1_2) throw malformed("not TLS 1.2");
  fields.bytes(32);
  fields.bytes(fields.number(1));
  const suite = fields.number(2);
  if (!SUITES.includes(suite)) throw malformed(`cipher suite ${suite} was not offered`);
  if (fields.number(1) !== 0) throw malformed("compression");
}

/** §7.4.2. */
function certificatesOf(fields: Fields): Uint8Array[] {
  const list = new Fields(fields.bytes(fields.number(3)));
  fields.finish();
  const certificates: Uint8Array[] = [];
  while (!list.isEmpty) certificates.push(list.bytes(list.number(3)));
  return certificates;
}

/** RFC 8422 §5.4: the server's key for this connection has to be signed, by an algorithm that signs. */
function checkKeyExchange(fields: Fields): void {
  if (fields.number(1) !== NAMED_CURVE || fields.number(2) !== SECP256R1)
    throw malformed("key exchange on another curve");
  fields.bytes(fields.number(1));
  const hash = fields.number(1);
  const algorithm = fields.number(1);
  const signature = fields.bytes(fields.number(2));
  fields.finish();
  if (hash !== SHA256 || (algorithm !== RSA && algorithm !== ECDSA) || signature.length === 0)
    throw malformed("key exchange is not signed as asked for");
  if (algorithm === ECDSA && !isEcdsaValue(signature)) throw malformed("signature of zeros");
}

/** RFC 3279 §2.2.3. A zero would keep the SDK's inversion busy for ever. */
export function isEcdsaValue(signature: Uint8Array): boolean {
  const outer = new Der(signature);
  const pair = outer.enter(TAG.sequence);
  outer.finish();
  const isBoth = [0, 1].every(() => {
    const value = pair.enter(TAG.integer).rest();
    return (value[0] ?? 128) < 128 && value.some((byte) => byte !== 0);
  });
  pair.finish();
  return isBoth;
}

function malformed(what: string): GodwitError {
  return new GodwitError("malformed", `TLS handshake: ${what}`);
}

/** Numbers and byte strings of a message, in its order. */
class Fields {
  private readonly from: Uint8Array;
  private at = 0;

  constructor(from: Uint8Array) {
    this.from = from;
  }

  get isEmpty(): boolean {
    return this.at === this.from.length;
  }

  number(bytes: number): number {
    let value = 0;
    for (const byte of this.bytes(bytes)) value = value * 256 + byte;
    return value;
  }

  bytes(count: number): Uint8Array {
    this.at += count;
    if (this.at > this.from.length) throw malformed("message is too short");
    return this.from.subarray(this.at - count, this.at);
  }

  finish(): void {
    if (!this.isEmpty) throw malformed("message is too long");
  }
}
