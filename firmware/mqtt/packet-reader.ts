// MQTT 3.1.1 §2, §3: an incremental parser of what a server sends, over arbitrary splits of the stream.
import { decodeUtf8 } from "../codec/utf8.ts";
import { FILTERS_MAX, type MqttLimits } from "./limits.ts";

/** An inbound PUBLISH. The object is reused: read it during the call, keep nothing of it. */
export interface InboundMessage {
  topic: string;
  qos: 0 | 1;
  isRetained: boolean;
  isDuplicate: boolean;
  /** 0 for QoS 0. */
  packetId: number;
  /** Length of the whole payload. */
  payloadBytes: number;
  /** Set by the session for `acknowledge`: 0 for QoS 0; worthless after the connection ended. */
  ackToken: number;
}

/** How a stream can break the protocol. */
export type MqttFault = "malformed" | "protocol" | "too-large";

export interface PacketSink {
  /** CONNACK, PUBACK, SUBACK, UNSUBACK or PINGRESP; `body` is valid during the call. */
  onPacket(type: number, body: Uint8Array): void;
  /** A PUBLISH begins. False: its payload is skipped. `topic` is empty when it was too long. */
  onMessage(message: InboundMessage): boolean;
  /** Its payload: in one call if it is at most `payloadBytesMax` long, else in parts from `offset`. */
  onPayload(message: InboundMessage, payload: Uint8Array, offset: number): void;
  /** The stream is broken: nothing of it is read any more, `reset` before the next one. */
  close(fault: MqttFault, detail: string): void;
}

const NOTHING = new Uint8Array(0);

const STAGE = { header: 0, body: 1, topicLength: 2, topic: 3, packetId: 4, payload: 5, stream: 6 };

/** Body length of the fixed-size packets a server may send, by type; -1 = variable. */
const BODY_BYTES: Record<number, number> = { 2: 2, 4: 2, 9: -1, 11: 2, 13: 0 };

/** CONNACK flags (§3.2.2.1) and SUBACK return codes (§3.9.3) that must not be used. */
function isReserved(type: number, body: Uint8Array): boolean {
  if (type === 2) return body[0]! > 1;
  for (let i = 2; type === 9 && i < body.length; i++)
    if (body[i]! > 2 && body[i] !== 0x80) return true;
  return false;
}

export class PacketReader {
  private limits: MqttLimits;
  private sink: PacketSink;
  private input: Uint8Array = NOTHING;
  /** Bytes of `input` consumed. Grows between any two calls of the sink. */
  position = 0;
  private stage = STAGE.header;
  /** Bytes of the fixed header seen so far, then the first byte and the remaining length. */
  private headerBytes = 0;
  private first = 0;
  private remaining = 0;
  /** A field that is split over several inputs is gathered here. */
  private partial: Uint8Array | undefined;
  private partialBytes = 0;
  private skipBytes = 0;
  private topicBytes = 0;
  private message: InboundMessage = {
    topic: "",
    qos: 0,
    isRetained: false,
    isDuplicate: false,
    packetId: 0,
    payloadBytes: 0,
    ackToken: 0,
  };

  constructor(limits: MqttLimits, sink: PacketSink) {
    this.limits = limits;
    this.sink = sink;
  }

  /** Forgets everything: a new connection begins, or the present one is over. */
  reset(): void {
    this.input = NOTHING;
    this.position = 0;
    this.stage = STAGE.header;
    this.headerBytes = 0;
    this.skipBytes = 0;
    this.partial = undefined;
  }

  /** Hands over the next bytes of the stream; `parse` takes them. */
  feed(bytes: Uint8Array): void {
    this.input = bytes;
    this.position = 0;
  }

  /**
   * Parses what was fed and calls the sink. What a sink throws comes out here; calling again
   * continues behind the packet whose delivery failed.
   */
  parse(): void {
    while (this.position < this.input.length || this.isReady()) {
      if (this.skipBytes > 0) {
        const count = Math.min(this.skipBytes, this.input.length - this.position);
        this.position += count;
        this.skipBytes -= count;
      } else if (this.stage === STAGE.header) this.header(this.input[this.position++]!);
      else if (this.stage === STAGE.stream) this.part();
      else {
        const field = this.take(this.fieldBytes());
        if (field) this.field(field);
      }
    }
    this.input = NOTHING;
    this.position = 0;
  }

  /** True if the next step needs no further byte: an empty body or payload. */
  private isReady(): boolean {
    return this.stage !== STAGE.header && this.skipBytes === 0 && this.fieldBytes() === 0;
  }

  private fieldBytes(): number {
    if (this.stage === STAGE.body) return this.remaining;
    if (this.stage === STAGE.topic) return this.topicBytes;
    if (this.stage === STAGE.payload) return this.remaining;
    return 2;
  }

  /** The next `count` bytes in one piece, without copying if they are; undefined until all are here. */
  private take(count: number): Uint8Array | undefined {
    const left = this.input.length - this.position;
    if (!this.partial && left >= count) {
      this.position += count;
      return this.input.subarray(this.position - count, this.position);
    }
    if (!this.partial) {
      this.partial = new Uint8Array(count);
      this.partialBytes = 0;
    }
    const more = Math.min(left, count - this.partialBytes);
    this.partial.set(this.input.subarray(this.position, this.position + more), this.partialBytes);
    this.position += more;
    this.partialBytes += more;
    if (this.partialBytes < count) return undefined;
    const field = this.partial;
    this.partial = undefined;
    return field;
  }

  private header(byte: number): void {
    if (this.headerBytes === 0) {
      this.first = byte;
      this.remaining = 0;
      this.headerBytes = 1;
      const type = byte >> 4;
      const isControl = BODY_BYTES[type] !== undefined;
      if (type === 0 || type === 15 || (isControl && (byte & 15) !== 0))
        this.fault("malformed", "fixed header");
      else if (type === 3) this.flags(byte & 15);
      else if (!isControl) this.fault("protocol", `packet type ${type}`);
      return;
    }
    this.remaining |= (byte & 127) << (7 * (this.headerBytes - 1));
    if (byte & 128) {
      this.headerBytes++;
      if (this.headerBytes > 4) this.fault("malformed", "remaining length");
      return;
    }
    this.headerBytes = 0;
    if (this.remaining > this.limits.packetBytesMax) {
      this.fault("too-large", "packet");
      return;
    }
    if (this.first >> 4 === 3) {
      this.publish();
      return;
    }
    const expected = BODY_BYTES[this.first >> 4]!;
    const isRight =
      expected < 0
        ? this.remaining > 2 && this.remaining <= 2 + FILTERS_MAX
        : this.remaining === expected;
    if (isRight) this.stage = STAGE.body;
    else this.fault("malformed", "length");
  }

  /** Refuses those of a PUBLISH that may not be, before anything else of it has come. */
  private flags(flags: number): void {
    const qos = (flags >> 1) & 3;
    if (qos > 1 || (qos === 0 && flags & 8))
      this.fault(qos === 2 ? "protocol" : "malformed", "publish flags");
  }

  private publish(): void {
    const flags = this.first & 15;
    const qos = (flags >> 1) & 3;
    const message = this.message;
    message.qos = qos as 0 | 1;
    message.isRetained = (flags & 1) !== 0;
    message.isDuplicate = (flags & 8) !== 0;
    message.packetId = 0;
    if (this.remaining < 2 + 2 * qos) this.fault("malformed", "length");
    else this.stage = STAGE.topicLength;
  }

  /** One complete field of the packet that is being read. */
  private field(field: Uint8Array): void {
    switch (this.stage) {
      case STAGE.body:
        this.stage = STAGE.header;
        if (isReserved(this.first >> 4, field)) this.fault("malformed", "reserved value");
        else this.sink.onPacket(this.first >> 4, field);
        break;
      case STAGE.topicLength:
        this.topicBytes = (field[0]! << 8) | field[1]!;
        this.remaining -= 2 + this.topicBytes;
        if (this.topicBytes === 0 || this.remaining < 2 * this.message.qos)
          this.fault("malformed", "topic length");
        else if (this.topicBytes > this.limits.topicBytesMax) {
          this.skipBytes = this.topicBytes;
          this.message.topic = "";
          this.topicDone();
        } else this.stage = STAGE.topic;
        break;
      case STAGE.topic:
        this.topic(field);
        break;
      case STAGE.packetId:
        this.message.packetId = (field[0]! << 8) | field[1]!;
        this.remaining -= 2;
        if (this.message.packetId === 0) this.fault("malformed", "packet id 0");
        else this.begin();
        break;
      default:
        this.stage = STAGE.header;
        this.sink.onPayload(this.message, field, 0);
    }
  }

  private topic(field: Uint8Array): void {
    try {
      this.message.topic = decodeUtf8(field);
    } catch {
      // The only thing decodeUtf8 throws is what the fault says.
      this.fault("malformed", "topic is not UTF-8");
      return;
    }
    if (field.indexOf(0) >= 0 || field.indexOf(0x23) >= 0 || field.indexOf(0x2b) >= 0)
      this.fault("malformed", "NUL or wildcard in topic");
    else this.topicDone();
  }

  private topicDone(): void {
    if (this.message.qos === 1) this.stage = STAGE.packetId;
    else this.begin();
  }

  /** Topic and packet id are known. The payload counts as unwanted until the sink has said otherwise. */
  private begin(): void {
    const bytes = this.remaining;
    this.message.payloadBytes = bytes;
    this.stage = STAGE.header;
    this.skipBytes += bytes;
    if (!this.sink.onMessage(this.message)) return;
    this.skipBytes -= bytes;
    this.stage = bytes > this.limits.payloadBytesMax ? STAGE.stream : STAGE.payload;
  }

  private part(): void {
    const count = Math.min(this.remaining, this.input.length - this.position);
    const payload = this.input.subarray(this.position, this.position + count);
    const offset = this.message.payloadBytes - this.remaining;
    this.position += count;
    this.remaining -= count;
    if (this.remaining === 0) this.stage = STAGE.header;
    this.sink.onPayload(this.message, payload, offset);
  }

  private fault(fault: MqttFault, detail: string): void {
    this.reset();
    this.sink.close(fault, detail);
  }
}
