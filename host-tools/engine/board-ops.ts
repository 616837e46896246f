// The embedder's side of firmware/engine/modules/ops.ts: reads a board's requests, writes events. Bounds checked.
import { events, tcpErrorCodes } from "../../firmware/engine/modules/ops.ts";
import type { SocketErrorCode } from "../../firmware/ports/socket.ts";

/** A board sent something that its modules never send: the app got hold of the natives, or we have a bug. */
export class MalformedRequest extends Error {}

/** Reads one request; every step checks its bounds. */
export class RequestReader {
  #bytes: Uint8Array;
  #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  f64(): number {
    return this.#view.getFloat64(this.#take(8), true);
  }

  /** A length byte and UTF-8. */
  name(): string {
    const length = this.u8();
    const at = this.#take(length);
    return new TextDecoder("utf-8", { fatal: true }).decode(this.#bytes.subarray(at, at + length));
  }

  /** [u8 count] then per blob [u32 length] bytes. */
  blobs(): Uint8Array[] {
    const count = this.u8();
    const list: Uint8Array[] = [];
    for (let i = 0; i < count; i++) {
      const length = this.u32();
      const at = this.#take(length);
      list.push(this.#bytes.slice(at, at + length));
    }
    return list;
  }

  rest(): Uint8Array {
    return this.#bytes.subarray(this.#take(this.#bytes.length - this.#at));
  }

  #take(count: number): number {
    const at = this.#at;
    if (at + count > this.#bytes.length) throw new MalformedRequest("request is too short");
    this.#at += count;
    return at;
  }
}

/** What `Board.deliver` takes. */
export interface BoardEvent {
  operation: number;
  bytes: Uint8Array;
}

function event(operation: number, numbers: readonly number[], tail?: Uint8Array): BoardEvent {
  const bytes = new Uint8Array(numbers.length * 4 + (tail?.length ?? 0));
  const view = new DataView(bytes.buffer);
  for (const [index, number] of numbers.entries()) view.setUint32(index * 4, number, true);
  if (tail) bytes.set(tail, numbers.length * 4);
  return { operation, bytes };
}

const utf8 = (text: string) => new TextEncoder().encode(text);

/** Makers of the events a board understands. */
export const boardEvents = {
  tcpReadable: (id: number, count: number) => event(events.tcpReadable, [id, count]),
  tcpWritable: (id: number, count: number) => event(events.tcpWritable, [id, count]),
  tcpError: (id: number, code: SocketErrorCode, message: string) => {
    const index = Math.max(0, tcpErrorCodes.indexOf(code));
    return event(events.tcpError, [id], new Uint8Array([index, ...utf8(message)]));
  },
  dnsResolved: (id: number, address: string) => event(events.dnsResolved, [id], utf8(address)),
  dnsError: (id: number, message: string) => event(events.dnsError, [id], utf8(message)),
};
