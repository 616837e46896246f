// Reads PUBLISH, the one packet of the hot path, without a parser's buffer list (MQTT 3.1.1 §3.3).
import type { IPublishPacket } from "mqtt-packet";
import { FramingError } from "./packet-gate.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** One per connection: devices publish to the same topic again and again, so the last one is kept. */
export class PublishReader {
  #topicBytes: Buffer = Buffer.alloc(0);
  #topic = "";

  /** `packet` is a whole PUBLISH; the payload is a view of it. @throws FramingError. */
  read(packet: Buffer, headerBytes: number): IPublishPacket {
    const flags = packet[0]!;
    const qos = (flags >> 1) & 3;
    if (qos === 3) throw new FramingError("a PUBLISH with QoS 3");
    const topicAt = headerBytes + 2;
    if (topicAt > packet.length) throw new FramingError("a PUBLISH without a topic");
    const topicEnd = topicAt + packet.readUInt16BE(headerBytes);
    const payloadAt = qos === 0 ? topicEnd : topicEnd + 2;
    if (payloadAt > packet.length) throw new FramingError("a PUBLISH shorter than its fields");
    const publish: IPublishPacket = {
      cmd: "publish",
      qos: qos as 0 | 1 | 2,
      dup: (flags & 8) !== 0,
      retain: (flags & 1) !== 0,
      topic: this.#readTopic(packet, topicAt, topicEnd),
      payload: packet.subarray(payloadAt),
    };
    if (qos > 0) {
      publish.messageId = packet.readUInt16BE(topicEnd);
      if (publish.messageId === 0) throw new FramingError("a PUBLISH with packet id 0");
    }
    return publish;
  }

  #readTopic(packet: Buffer, start: number, end: number): string {
    const known = this.#topicBytes;
    if (known.length === end - start && packet.compare(known, 0, known.length, start, end) === 0) {
      return this.#topic;
    }
    const bytes = Buffer.from(packet.subarray(start, end));
    this.#topic = checkedTopic(bytes);
    this.#topicBytes = bytes;
    return this.#topic;
  }
}

/** Well-formed UTF-8, no U+0000, no wildcard, not empty (§1.5.3, §3.3.2.1, §4.7.3). */
function checkedTopic(bytes: Buffer): string {
  let topic: string;
  try {
    topic = decoder.decode(bytes);
  } catch {
    throw new FramingError("a topic that is not UTF-8");
  }
  if (topic === "") throw new FramingError("an empty topic");
  if (topic.includes("\u0000")) throw new FramingError("a topic with U+0000");
  if (topic.includes("+") || topic.includes("#")) throw new FramingError("a topic with a wildcard");
  return topic;
}
