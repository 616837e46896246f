// The stub's fast read: packets ahead of acknowledgements, an MD5 at the end.
import { createHash } from "node:crypto";
import { wordAt } from "../../flash/esp/protocol.ts";
import { encodeFrame } from "../../flash/esp/slip.ts";
import type { NorFlash } from "./nor-flash.ts";

export interface ReadRequest {
  readonly offset: number;
  readonly size: number;
  readonly packetBytes: number;
  readonly packetsInFlight: number;
}

export class EspReader {
  readonly #flash: NorFlash;
  readonly #request: ReadRequest;
  readonly #send: (frame: Uint8Array) => void;
  #sent = 0;
  isDone = false;

  constructor(flash: NorFlash, request: ReadRequest, send: (frame: Uint8Array) => void) {
    this.#flash = flash;
    this.#request = request;
    this.#send = send;
    this.#push(0);
  }

  /** A frame that is no acknowledgement ends the read, as in the real stub. */
  frame(frame: Uint8Array): void {
    const acknowledged = frame.length === 4 ? wordAt(frame, 0) : -1;
    if (acknowledged < 0 || acknowledged > this.#sent) this.#end();
    else this.#push(acknowledged);
  }

  #push(acknowledged: number): void {
    const { offset, size, packetBytes, packetsInFlight } = this.#request;
    const window = packetBytes * packetsInFlight;
    while (this.#sent < size && this.#sent - acknowledged < window) {
      const length = Math.min(packetBytes, size - this.#sent);
      const from = offset + this.#sent;
      this.#sent += length;
      this.#send(encodeFrame(this.#flash.bytes.subarray(from, from + length)));
    }
    if (acknowledged >= size) this.#end();
  }

  #end(): void {
    this.isDone = true;
    const { offset, size } = this.#request;
    const region = this.#flash.bytes.subarray(offset, offset + size);
    this.#send(encodeFrame(createHash("md5").update(region).digest()));
  }
}
