// Output of one connection: packets of a batch leave in one write, held back while a fault delays them.
import mqttPacket, { type Packet } from "mqtt-packet";
import type { HubEnvironment } from "../core/environment.ts";
import type { ByteStream } from "./byte-stream.ts";

/** Output waiting for a slow client; overflow: the connection ends. */
const OUTPUT_BYTES_MAX = 1024 * 1024;
/** Fixed header of a PUBACK (MQTT 3.1.1 §3.4.1). */
const PUBACK_HEADER = 0x4002;

export class PacketOutput {
  readonly #environment: HubEnvironment;
  readonly #stream: ByteStream;
  #packets: Uint8Array[] = [];
  #delayedWrites = 0;
  #delayedBytes = 0;
  #lastDueMs = 0;
  #isClosed = false;

  constructor(environment: HubEnvironment, stream: ByteStream) {
    this.#environment = environment;
    this.#stream = stream;
  }

  add(packet: Packet): void {
    this.#packets.push(mqttPacket.generate(packet));
  }

  /** As `add`, for the packet that is sent most. */
  addPuback(messageId: number): void {
    const puback = Buffer.allocUnsafe(4);
    puback.writeUInt16BE(PUBACK_HEADER, 0);
    puback.writeUInt16BE(messageId, 2);
    this.#packets.push(puback);
  }

  /** Forgets what was not written yet. */
  drop(): void {
    this.#packets = [];
  }

  /** Writes what was added, now or `delayMs` later. */
  flush(delayMs: number): void {
    if (this.#packets.length === 0) return;
    const packets = this.#packets;
    this.#packets = [];
    const bytes = packets.length === 1 ? packets[0]! : Buffer.concat(packets);
    if (delayMs > 0 || this.#delayedWrites > 0) this.#writeLater(bytes, delayMs);
    else this.#stream.write(bytes);
  }

  /** More than a client may leave unread is waiting. */
  get isOverfull(): boolean {
    return (this.#stream.bufferedBytes ?? 0) + this.#delayedBytes > OUTPUT_BYTES_MAX;
  }

  /** Nothing is written afterwards. */
  close(): void {
    this.#isClosed = true;
    this.drop();
  }

  /** Later output waits for earlier output even when the fault ends in between. */
  #writeLater(bytes: Uint8Array, delayMs: number): void {
    const nowMs = this.#environment.nowMs();
    const dueMs = Math.max(nowMs + delayMs, this.#lastDueMs);
    this.#lastDueMs = dueMs;
    this.#delayedWrites += 1;
    this.#delayedBytes += bytes.length;
    this.#environment.timers.start(dueMs - nowMs, () => {
      this.#delayedWrites -= 1;
      this.#delayedBytes -= bytes.length;
      if (!this.#isClosed) this.#stream.write(bytes);
    });
  }
}
