// MQTT 3.1.1 client session without I/O: bytes and ticks in; bytes, events and the next deadline out.
import { GodwitError } from "../codec/error.ts";
import type { MqttCloseReason, MqttEvents, MqttOptions, MqttPublish } from "./events.ts";
import { MQTT_LIMITS, type MqttLimits } from "./limits.ts";
import { type InboundMessage, PacketReader, type PacketSink } from "./packet-reader.ts";
import {
  connectPacket,
  filtersPacket,
  type MqttConnect,
  type MqttFilter,
  publishHead,
} from "./packet-writer.ts";
import { ReceiveWindow } from "./receive-window.ts";
import { GATE, Outgoing, SendQueue } from "./send-queue.ts";

const NEVER = Number.POSITIVE_INFINITY;
const STATE = { idle: 0, connecting: 1, connected: 2, closing: 3, disconnected: 4 };
/** What is missing when a link counts as dead; nothing is missing when the transport does not take output. */
const ANSWERS = ["CONNACK", "PINGRESP", "PUBACK", "SUBACK", ""];
/** Packet type and flags of what the session makes itself. */
const PUBACK = 0x40;
const PINGREQ = 0xc0;
const DISCONNECT = 0xe0;

export class MqttClient implements PacketSink {
  private limits: MqttLimits;
  private events: MqttEvents;
  /** Whether packets leave before CONNACK; counts from the next `connect` on. */
  isPipelined: boolean;
  private reader: PacketReader;
  private output: SendQueue;
  private state = STATE.idle;
  private nowMs = 0;
  private keepAliveMs = 0;
  private sentMs = 0;
  private heardMs = 0;
  /** Since when output waits without progress, PINGRESP is due, CONNACK is due. */
  private waitingMs = NEVER;
  private pingMs = NEVER;
  private connectMs = NEVER;
  private isAccepted = false;
  private lastId = 0;
  /** (UN)SUBSCRIBE packets without answer. */
  private asked: Outgoing[] = [];
  private inbound = new ReceiveWindow();

  constructor(options: MqttOptions, events: MqttEvents) {
    this.limits = options.limits ? { ...MQTT_LIMITS, ...options.limits } : MQTT_LIMITS;
    this.isPipelined = options.isPipelined ?? true;
    this.events = events;
    this.reader = new PacketReader(this.limits, this);
    this.output = new SendQueue(this.limits);
  }

  /** True from `connect` until `onClosed`. */
  get isOpen(): boolean {
    return this.state !== STATE.idle;
  }

  /** QoS 1 publishes without PUBACK, sent or not. */
  get unacknowledged(): number {
    return this.output.queue.length;
  }

  /**
   * Begins on a fresh transport; then `pull`. Unacknowledged publishes follow, with DUP if they were
   * on the wire before (§4.4), as new ones if `cleanSession` is set.
   * @throws GodwitError `argument` for an impossible CONNECT, `state` if a connection is open.
   */
  connect(connect: MqttConnect, nowMs: number): void {
    if (this.state !== STATE.idle) throw new GodwitError("state", "MQTT connection is open");
    this.output.restart(new Outgoing(connectPacket(connect), 0), connect.cleanSession);
    if (this.isPipelined) this.output.gate = GATE.all;
    this.reader.reset();
    this.state = STATE.connecting;
    this.isAccepted = false;
    this.inbound.restart();
    this.keepAliveMs = connect.keepAliveS * 1000;
    this.sentMs = this.heardMs = this.waitingMs = this.connectMs = nowMs;
  }

  /** Bytes from the transport. Never throws. */
  receive(bytes: Uint8Array, nowMs: number): void {
    if (this.state === STATE.idle) return;
    this.nowMs = this.heardMs = nowMs;
    this.reader.feed(bytes);
    for (let before = -1; ; before = this.reader.position) {
      try {
        this.reader.parse();
        return;
      } catch (error) {
        this.report(error);
        // A handler threw and the reader is past it. No progress would be our own mistake.
        if (this.reader.position === before) this.close("malformed", "reader");
      }
    }
  }

  /** Time has come to `nextDeadlineMs()`. Being called earlier or later does no harm. Never throws. */
  tick(nowMs: number): void {
    if (this.state === STATE.idle) return;
    const times = this.unansweredMs();
    const oldestMs = Math.min(...times);
    if (this.state === STATE.disconnected) this.close("disconnected", "");
    else if (nowMs - oldestMs >= this.limits.answerTimeoutMs) {
      const answer = ANSWERS[times.indexOf(oldestMs)]!;
      this.close(answer ? "timeout" : "stalled", answer);
    } else if (nowMs >= this.pingDueMs()) {
      if (this.pingMs === NEVER) this.pingMs = nowMs;
      this.output.urgent.push(new Outgoing(Uint8Array.of(PINGREQ, 0), 0));
      this.watch(nowMs);
    }
  }

  /** When `tick` is needed next, on the clock of all `nowMs`; Infinity = not at all. */
  nextDeadlineMs(): number {
    if (this.state === STATE.idle) return NEVER;
    if (this.state === STATE.disconnected) return this.sentMs;
    const oldestMs = Math.min(...this.unansweredMs());
    return Math.min(oldestMs + this.limits.answerTimeoutMs, this.pingDueMs());
  }

  /** When the oldest unanswered packet was sent, by what would answer it (ANSWERS); NEVER = none. */
  private unansweredMs(): number[] {
    const published = this.output.inFlight > 0 ? this.output.queue[0] : undefined;
    const asked = this.asked[0];
    return [
      this.connectMs,
      this.pingMs,
      published && published !== this.output.current ? published.sentMs : NEVER,
      asked && asked.sentBytes === asked.bytes ? asked.sentMs : NEVER,
      this.waitingMs,
    ];
  }

  /** An eighth early: a timer that is late must not break the promise given in CONNECT. */
  private pingDueMs(): number {
    const isQuiet = this.state === STATE.connected && this.waitingMs === NEVER;
    if (!isQuiet || this.keepAliveMs === 0) return NEVER;
    // QoS 0 has no acknowledgement: who only talks would never notice that nobody hears.
    const silentMs = this.pingMs === NEVER ? Math.min(this.sentMs, this.heardMs) : this.sentMs;
    return silentMs + this.keepAliveMs * 0.875;
  }

  /** Starts or stops the watch over output that waits. */
  private watch(nowMs: number): void {
    if (this.output.waitingBytes(1) === 0) this.waitingMs = NEVER;
    else if (this.waitingMs === NEVER) this.waitingMs = nowMs;
  }

  /**
   * Up to `maxBytes` bytes to put on the wire, or undefined if there are none now. All returned
   * bytes count as sent. Never throws.
   */
  pull(maxBytes: number, nowMs: number): Uint8Array | undefined {
    if (this.state === STATE.disconnected) this.close("disconnected", "");
    if (this.canAsk()) this.queueAcknowledgements();
    const waitingBytes = this.output.waitingBytes(maxBytes);
    if (waitingBytes === 0) return undefined;
    const bytes = new Uint8Array(waitingBytes);
    let end = 0;
    while (end < bytes.length) {
      const packet = this.output.next();
      if (!packet) break;
      let count = 0;
      try {
        count = this.output.copy(packet, bytes, end);
      } catch (error) {
        this.output.remove(packet);
        this.report(error);
        this.close("source", `${packet.packetId}`);
        return undefined;
      }
      if (count === 0) break;
      end += count;
      if (packet.sentBytes < packet.bytes) continue;
      packet.sentMs = nowMs;
      this.output.current = undefined;
      if (packet.head[0] === DISCONNECT) this.state = STATE.disconnected;
    }
    if (end === 0) return undefined;
    this.sentMs = nowMs;
    this.waitingMs = NEVER;
    if (this.state !== STATE.idle) this.watch(nowMs);
    return end === bytes.length ? bytes : bytes.subarray(0, end);
  }

  /**
   * Queues a publish. Returns its packet id for `onAcknowledged`, 0 for QoS 0, or undefined if a
   * bound is reached (or, for QoS 0, no connection is open): nothing is queued then.
   * QoS 1 is kept over connections; QoS 0 is dropped with the connection.
   * @throws GodwitError `argument` for a topic that cannot be published to.
   */
  publish(publish: MqttPublish, nowMs: number): number | undefined {
    const { topic, payload, qos, retain } = publish;
    const packetId = qos === 0 ? 0 : this.freeId();
    const head = publishHead(topic, packetId, payload.byteLength, retain === true);
    const packet = new Outgoing(head, packetId, payload);
    if (
      qos === 0 ? !this.canAsk() || !this.output.addUrgent(packet) : !this.output.addPublish(packet)
    )
      return undefined;
    if (this.state !== STATE.idle) this.watch(nowMs);
    return packetId;
  }

  /**
   * Subscribes. Returns the packet id for `onSuback`, or undefined if a bound is reached or no
   * connection is open. Dropped with the connection.
   * @throws GodwitError `argument` for an impossible filter.
   */
  subscribe(filters: readonly MqttFilter[], nowMs: number): number | undefined {
    return this.ask(filters, nowMs);
  }

  /** As `subscribe`, answered by `onUnsuback`. */
  unsubscribe(filters: readonly string[], nowMs: number): number | undefined {
    return this.ask(filters, nowMs);
  }

  private ask(filters: readonly (MqttFilter | string)[], nowMs: number): number | undefined {
    if (!this.canAsk() || this.asked.length >= this.limits.subscriptionsPendingMax)
      return undefined;
    const packetId = this.freeId();
    const packet = new Outgoing(filtersPacket(packetId, filters), packetId);
    if (!this.output.addUrgent(packet)) return undefined;
    packet.answers = typeof filters[0] === "string" ? 0 : filters.length;
    this.asked.push(packet);
    this.watch(nowMs);
    return packetId;
  }

  private canAsk(): boolean {
    return this.state === STATE.connecting || this.state === STATE.connected;
  }

  /** The next packet id that nothing waits for; ends because fewer than 65,535 can be in use. */
  private freeId(): number {
    const isUsed = (packet: Outgoing) => packet.packetId === this.lastId;
    do this.lastId = this.lastId < 65_535 ? this.lastId + 1 : 1;
    while (this.output.queue.some(isUsed) || this.asked.some(isUsed));
    return this.lastId;
  }

  /**
   * Acknowledges an inbound QoS 1 message. PUBACKs leave in order of arrival (§4.6): one that is never
   * acknowledged holds back all later ones. False: the token is not of this connection, or known.
   */
  acknowledge(ackToken: number, nowMs: number): boolean {
    if (!this.canAsk() || !this.inbound.acknowledge(ackToken)) return false;
    this.queueAcknowledgements();
    this.watch(nowMs);
    return true;
  }

  private queueAcknowledgements(): void {
    for (let id = this.inbound.ready(); id > 0; id = this.inbound.ready()) {
      if (!this.output.addUrgent(new Outgoing(Uint8Array.of(PUBACK, 2, id >> 8, id), 0))) return;
      this.inbound.release();
    }
  }

  /**
   * Ends politely: what is urgent and DISCONNECT are still pulled. `onClosed` comes with the call of
   * `pull` or `tick` after that, when the transport has taken the bytes.
   */
  disconnect(nowMs: number): void {
    if (!this.canAsk()) return;
    this.state = STATE.closing;
    this.output.gate = GATE.urgent;
    this.output.urgent.push(new Outgoing(Uint8Array.of(DISCONNECT, 0), 0));
    this.watch(nowMs);
  }

  /** The transport is gone, or the owner gives it up. */
  abort(detail: string): void {
    this.close(this.state === STATE.disconnected ? "disconnected" : "transport", detail);
  }

  /** For the reader and ourselves; owners call `abort`. */
  close(reason: MqttCloseReason, detail: string): void {
    if (this.state === STATE.idle) return;
    this.state = STATE.idle;
    this.output.stop();
    this.reader.reset();
    this.asked = [];
    this.inbound.restart();
    this.waitingMs = this.pingMs = this.connectMs = NEVER;
    try {
      this.events.onClosed(reason, detail);
    } catch (error) {
      this.report(error);
    }
  }

  private report(error: unknown): void {
    try {
      this.events.onError(error);
    } catch {
      // The last resort failed itself; nobody is left to tell, and the session must go on.
    }
  }

  /** For the reader. */
  onPacket(type: number, body: Uint8Array): void {
    const packetId = body.length > 1 ? (body[0]! << 8) | body[1]! : 0;
    if (this.isAccepted === (type === 2))
      this.close("protocol", type === 2 ? "CONNACK twice" : "packet before CONNACK");
    else if (type === 2) this.connack(body[0]!, body[1]!);
    else if (type === 13) this.pingMs = NEVER;
    else if (type !== 4) this.answered(type, packetId, body.subarray(2));
    else if (this.output.acknowledge(packetId)) {
      this.watch(this.nowMs);
      this.events.onAcknowledged(packetId);
    } else this.close("protocol", "PUBACK id");
  }

  private connack(flags: number, code: number): void {
    this.connectMs = NEVER;
    this.isAccepted = code === 0;
    if (this.isAccepted && this.state === STATE.connecting) {
      this.state = STATE.connected;
      this.output.gate = GATE.all;
      this.watch(this.nowMs);
    }
    try {
      this.events.onConnack(code, this.isAccepted && flags === 1);
    } finally {
      // Not if the handler has begun a new connection already.
      if (code !== 0 && this.connectMs === NEVER) this.close("refused", `${code}`);
    }
  }

  /** SUBACK or UNSUBACK. */
  private answered(type: number, packetId: number, granted: Uint8Array): void {
    const index = this.asked.findIndex((packet) => packet.packetId === packetId);
    const packet = this.asked[index];
    const isSent = packet !== undefined && packet.sentBytes === packet.bytes;
    if (!isSent || packet.head[0]! >> 4 !== type - 1 || packet.answers !== granted.length) {
      this.close("protocol", "SUBACK id");
      return;
    }
    this.asked.splice(index, 1);
    if (type === 9) this.events.onSuback(packetId, granted);
    else this.events.onUnsuback?.(packetId);
  }

  /** For the reader. */
  onMessage(message: InboundMessage): boolean {
    const { packetId, topic, payloadBytes } = message;
    message.ackToken = 0;
    if (!this.isAccepted) {
      this.close("protocol", "packet before CONNACK");
      return false;
    }
    if (this.inbound.has(packetId)) {
      // A server that repeats itself on a live connection is answered by the PUBACK that is due anyway.
      if (!message.isDuplicate) this.close("protocol", "packet id in use");
      return false;
    }
    let isKept = topic !== "";
    if (packetId !== 0) {
      if (this.inbound.length < this.limits.unacknowledgedMax)
        message.ackToken = this.inbound.add(packetId);
      else isKept = false;
    }
    if (payloadBytes > this.limits.payloadBytesMax && !this.events.onPublishPart) isKept = false;
    if (!isKept) this.events.onRefused?.(message);
    return isKept;
  }

  /** For the reader. */
  onPayload(message: InboundMessage, payload: Uint8Array, offset: number): void {
    if (message.payloadBytes <= this.limits.payloadBytesMax)
      this.events.onPublish(message, payload);
    else this.events.onPublishPart?.(message, payload, offset);
  }
}
