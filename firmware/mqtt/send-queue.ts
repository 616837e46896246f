// Packets on their way out: order, in-flight window, back-pressure, and what survives a connection.
import type { PayloadSource } from "./events.ts";
import type { MqttLimits } from "./limits.ts";

/** A packet: `head`, then the body, which is not copied. */
export class Outgoing {
  head: Uint8Array;
  body: Uint8Array | PayloadSource | undefined;
  bytes: number;
  /** Bytes of it held in memory. */
  heldBytes: number;
  packetId: number;
  sentBytes = 0;
  /** When its last byte was pulled. */
  sentMs = 0;
  /** SUBSCRIBE: how many return codes SUBACK must bring. */
  answers = 0;

  constructor(head: Uint8Array, packetId: number, body?: Uint8Array | PayloadSource) {
    this.head = head;
    this.body = body;
    this.bytes = head.length + (body ? body.byteLength : 0);
    this.heldBytes = body instanceof Uint8Array ? this.bytes : head.length;
    this.packetId = packetId;
  }
}

/** What may follow the packet that is going out. */
export const GATE = { nothing: 0, urgent: 1, all: 2 };

export class SendQueue {
  gate = GATE.nothing;
  /** Partly sent, or to be sent before all others. */
  current: Outgoing | undefined;
  /** Lives as long as the connection: everything but QoS 1 publishes. Goes out first. */
  urgent: Outgoing[] = [];
  /** QoS 1 publishes, oldest first; the first `inFlight` are on the wire. */
  queue: Outgoing[] = [];
  inFlight = 0;
  private queueBytes = 0;
  private limits: MqttLimits;

  constructor(limits: MqttLimits) {
    this.limits = limits;
  }

  /** A connection begins: publishes go out again, marked as duplicates (§4.4) unless the session is clean. */
  restart(first: Outgoing, isClean: boolean): void {
    this.stop();
    this.current = first;
    for (const packet of this.queue) {
      const flags = packet.head[0]!;
      if (isClean) packet.head[0] = flags & ~8;
      else if (packet.sentBytes > 0) packet.head[0] = flags | 8;
      packet.sentBytes = 0;
    }
  }

  /** The connection is over: only QoS 1 publishes stay. */
  stop(): void {
    this.gate = GATE.nothing;
    this.current = undefined;
    this.urgent = [];
    this.inFlight = 0;
  }

  /** False: full. */
  addUrgent(packet: Outgoing): boolean {
    if (this.urgent.length >= this.limits.urgentMax) return false;
    this.urgent.push(packet);
    return true;
  }

  /** False: full. */
  addPublish(packet: Outgoing): boolean {
    const bytes = this.queueBytes + packet.heldBytes;
    if (this.queue.length >= this.limits.queueMax || bytes > this.limits.queueBytesMax)
      return false;
    this.queue.push(packet);
    this.queueBytes = bytes;
    return true;
  }

  /** Takes a publish that is wholly on the wire off the queue. False: there is none with this id. */
  acknowledge(packetId: number): boolean {
    for (let i = 0; i < this.inFlight; i++) {
      const packet = this.queue[i]!;
      if (packet.packetId === packetId && packet !== this.current) {
        this.remove(packet);
        this.inFlight--;
        return true;
      }
    }
    return false;
  }

  /** Drops a packet if it is a publish that would be sent again. */
  remove(packet: Outgoing): void {
    const index = this.queue.indexOf(packet);
    if (index < 0) return;
    this.queueBytes -= packet.heldBytes;
    this.queue.splice(index, 1);
  }

  /** Bytes that may go out now, counted up to `limit`. */
  waitingBytes(limit: number): number {
    let sum = this.current ? this.current.bytes - this.current.sentBytes : 0;
    if (this.gate === GATE.nothing) return Math.min(sum, limit);
    for (let i = 0; i < this.urgent.length && sum < limit; i++) sum += this.urgent[i]!.bytes;
    if (this.gate === GATE.all) {
      const end = Math.min(this.queue.length, this.limits.inFlightMax);
      for (let i = this.inFlight; i < end && sum < limit; i++) sum += this.queue[i]!.bytes;
    }
    return Math.min(sum, limit);
  }

  /** The packet to send from, or undefined. */
  next(): Outgoing | undefined {
    if (this.current || this.gate === GATE.nothing) return this.current;
    if (this.urgent.length > 0) this.current = this.urgent.shift();
    else if (
      this.gate === GATE.all &&
      this.inFlight < this.limits.inFlightMax &&
      this.inFlight < this.queue.length
    )
      this.current = this.queue[this.inFlight++];
    return this.current;
  }

  /**
   * Copies what fits of `current` into `target` from `at` on and returns how much.
   * @throws what the payload source throws; RangeError if it gives more than asked for.
   */
  copy(packet: Outgoing, target: Uint8Array, at: number): number {
    const { head, body, sentBytes } = packet;
    const room = target.length - at;
    let part: Uint8Array;
    if (sentBytes < head.length) part = head.subarray(sentBytes, sentBytes + room);
    else {
      const offset = sentBytes - head.length;
      const count = Math.min(room, packet.bytes - sentBytes);
      if (body instanceof Uint8Array) part = body.subarray(offset, offset + count);
      else {
        part = body!.read(offset, count);
        if (!(part.length <= count)) throw new RangeError("payload source gave too much");
      }
    }
    target.set(part, at);
    packet.sentBytes += part.length;
    return part.length;
  }
}
