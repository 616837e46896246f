// Splits a byte stream into whole MQTT packets and bounds them before the parser sees any (MQTT 3.1.1 §2.2.3).
import { D2C_BYTES_MAX } from "../../../firmware/connection/limits.ts";

/** Largest packet taken: a full message, the longest topic, and the packet's own fields. */
export const PACKET_BYTES_MAX = D2C_BYTES_MAX + 65_535 + 16;

const UNSUBSCRIBE = 10;

/** Bytes that cannot be MQTT; the connection must end. */
export class FramingError extends Error {}

/**
 * The parser of mqtt-packet holds back an unlimited packet, and loops for ever on an UNSUBSCRIBE
 * with one byte after its last filter: both are stopped here.
 */
export class PacketGate {
  /** Length of the fixed header of the packet that `next` gave last. */
  headerBytes = 0;
  #current: Buffer = Buffer.alloc(0);
  #offset = 0;
  /** Chunks behind `#current` that wait for the rest of their packet. */
  #later: Uint8Array[] = [];
  #laterBytes = 0;

  push(chunk: Uint8Array): void {
    if (this.#offset === this.#current.length) {
      this.#current = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
      this.#offset = 0;
    } else {
      this.#later.push(chunk);
      this.#laterBytes += chunk.length;
    }
  }

  /** The next whole packet, or undefined. @throws FramingError. */
  next(): Buffer | undefined {
    if (this.#offset === this.#current.length && this.#laterBytes === 0) return undefined;
    const bodyBytes = this.#readHeader();
    if (bodyBytes < 0) return undefined;
    const packetBytes = this.headerBytes + bodyBytes;
    // Only now: reading the header may have joined chunks.
    const available = this.#current.length - this.#offset;
    if (available + this.#laterBytes < packetBytes) return undefined;
    if (available < packetBytes) this.#join();
    const packet = this.#current.subarray(this.#offset, this.#offset + packetBytes);
    this.#offset += packetBytes;
    if (packet[0]! >> 4 === UNSUBSCRIBE) checkUnsubscribe(packet.subarray(this.headerBytes));
    return packet;
  }

  /** Remaining length, or −1 while the header is incomplete; it may lie across chunks. */
  #readHeader(): number {
    let bodyBytes = 0;
    for (let index = 1; index <= 4; index += 1) {
      if (this.#offset + index >= this.#current.length && this.#laterBytes > 0) this.#join();
      const byte = this.#current[this.#offset + index];
      if (byte === undefined) return -1;
      bodyBytes += (byte & 0x7f) * 128 ** (index - 1);
      if (byte < 0x80) {
        this.headerBytes = index + 1;
        if (bodyBytes <= PACKET_BYTES_MAX) return bodyBytes;
        throw new FramingError(`a packet of ${bodyBytes} bytes, at most ${PACKET_BYTES_MAX}`);
      }
    }
    throw new FramingError("a remaining length of more than four bytes");
  }

  #join(): void {
    const joined = Buffer.concat([this.#current.subarray(this.#offset), ...this.#later]);
    this.#current = joined;
    this.#offset = 0;
    this.#later = [];
    this.#laterBytes = 0;
  }
}

/** Packet id, then at least one filter, each of a whole length (MQTT 3.1.1 §3.10.3). */
function checkUnsubscribe(body: Uint8Array): void {
  let at = 2;
  while (at + 2 <= body.length) at += 2 + ((body[at]! << 8) | body[at + 1]!);
  if (at !== body.length || at === 2) throw new FramingError("a malformed UNSUBSCRIBE");
}
