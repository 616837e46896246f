// A broker that says exactly what a test tells it to; its framing is mqtt-packet's, not ours.
import { generate, type Packet, parser } from "mqtt-packet";
import { MqttClient } from "../../firmware/mqtt/client.ts";
import type { MqttEvents, MqttOptions } from "../../firmware/mqtt/events.ts";
import type { MqttConnect } from "../../firmware/mqtt/packet-writer.ts";

export const CONNECT: MqttConnect = { clientId: "dev1", cleanSession: false, keepAliveS: 60 };

/** One client with its broker: what the client sends is parsed, what it reports becomes lines of text. */
export class Session {
  nowMs = 0;
  /** What the client reported, oldest first. */
  log: string[] = [];
  /** What the broker received on all connections. */
  received: Packet[] = [];
  /** Tokens of delivered QoS 1 messages. */
  tokens: number[] = [];
  readonly client: MqttClient;
  private framing = parser();

  constructor(options: MqttOptions = {}, events: Partial<MqttEvents> = {}) {
    this.client = new MqttClient(options, {
      onConnack: (code, isPresent) => this.log.push(`connack ${code} ${isPresent}`),
      onPublish: (message, payload) => {
        if (message.qos === 1) this.tokens.push(message.ackToken);
        this.log.push(`message ${message.topic} ${Buffer.from(payload).toString()}`);
      },
      onRefused: (message) => {
        this.tokens.push(message.ackToken);
        this.log.push(`refused ${message.topic} ${message.payloadBytes}`);
      },
      onAcknowledged: (packetId) => this.log.push(`puback ${packetId}`),
      onSuback: (packetId, granted) => this.log.push(`suback ${packetId} ${[...granted]}`),
      onUnsuback: (packetId) => this.log.push(`unsuback ${packetId}`),
      onClosed: (reason, detail) => this.log.push(`closed ${reason} ${detail}`.trim()),
      onError: (error) => this.log.push(`error ${(error as Error).message}`),
      ...events,
    });
  }

  /** Opens a connection; with `isAccepted` CONNACK comes at once. */
  open(connect: Partial<MqttConnect> = {}, isAccepted = true): this {
    this.framing = parser();
    this.framing.on("packet", (packet) => this.received.push(packet));
    this.framing.on("error", (error) => this.log.push(`broker ${error.message}`));
    this.client.connect({ ...CONNECT, ...connect }, this.nowMs);
    this.flush();
    if (isAccepted) this.send({ cmd: "connack", returnCode: 0, sessionPresent: true });
    return this;
  }

  /** Puts everything that may go out on the wire; returns what arrived, in short. */
  flush(pieceBytes = 100_000): string[] {
    const before = this.received.length;
    for (let bytes = this.client.pull(pieceBytes, this.nowMs); bytes; ) {
      this.framing.parse(Buffer.from(bytes));
      bytes = this.client.pull(pieceBytes, this.nowMs);
    }
    return this.received.slice(before).map(brief);
  }

  send(packet: Packet): void {
    this.client.receive(generate(packet), this.nowMs);
  }

  message(topic: string, payload = "", qos: 0 | 1 = 0, messageId = 1, dup = false): void {
    const base = { cmd: "publish", topic, payload, dup, retain: false } as const;
    this.send(qos === 0 ? { ...base, qos } : { ...base, qos, messageId });
  }

  publish(topic: string, payload = "", qos: 0 | 1 = 1): number | undefined {
    return this.client.publish({ topic, payload: Buffer.from(payload), qos }, this.nowMs);
  }

  /** Lets virtual time pass, with a tick whenever the client asked for one. */
  advance(byMs: number): void {
    const endMs = this.nowMs + byMs;
    for (let at = this.client.nextDeadlineMs(); at <= endMs; at = this.client.nextDeadlineMs()) {
      this.nowMs = Math.max(this.nowMs, at);
      this.client.tick(this.nowMs);
      this.flush();
    }
    this.nowMs = endMs;
  }

  take(): string[] {
    return this.log.splice(0);
  }
}

/** `publish 3 dup t`, `pingreq`, … */
export function brief(packet: Packet): string {
  if (packet.cmd === "publish")
    return `publish ${packet.messageId ?? 0}${packet.dup ? " dup" : ""} ${packet.topic}`;
  return packet.messageId === undefined ? packet.cmd : `${packet.cmd} ${packet.messageId}`;
}
