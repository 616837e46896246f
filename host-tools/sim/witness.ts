// What a device really sent and what it was told, read off its wire (mqtt-packet): independent of firmware and hub.
import mqttPacket, { type IPublishPacket, type Packet, type Parser } from "mqtt-packet";
import type { HubEvent } from "../hub/core/event.ts";
import type { WireTap } from "./network.ts";

/** One telemetry message (property bag and body) as the wire saw it, over all its transmissions. */
export interface Transmission {
  /** Position in the order of first transmissions of its device. */
  readonly order: number;
  /** Transmissions without DUP: 1, unless the session was lost. */
  firsts: number;
  /** Transmissions with DUP. */
  repeats: number;
  /** PUBACKs that reached the device. */
  acknowledged: number;
  /** Copies in the hub's event stream. */
  stored: number;
  readonly bytes: number;
  /** Its creation time tells it from every other message; without one, equal bodies count as one. */
  readonly isUnique: boolean;
}

export class DeviceWitness {
  /** By creation time and body. */
  readonly messages = new Map<string, Transmission>();
  connects = 0;
  /** Sessions that the device ended itself: it renews its token by a new connection. */
  renewals = 0;
  twinPatches = 0;
  methodAnswers = 0;
  acknowledged = 0;
  acknowledgedBytes = 0;
  /** Stored messages that the device had never sent. */
  invented = 0;
  /** Messages the hub stored in another order than the device sent them first. */
  misordered = 0;
  /** Called when a telemetry message is on its way. */
  onTelemetry: (() => void) | undefined;
  #lastStored = -1;
  /** Bodies by packet id, over connections: the session outlives them. */
  readonly #pending = new Map<number, string>();

  sent(packet: IPublishPacket): void {
    if (packet.topic.includes("/messages/events/")) this.#telemetry(packet);
    else if (packet.topic.startsWith("$iothub/twin/PATCH/")) this.twinPatches++;
    else if (packet.topic.startsWith("$iothub/methods/res/")) this.methodAnswers++;
  }

  confirmed(packetId: number): void {
    const key = this.#pending.get(packetId);
    const message = key === undefined ? undefined : this.messages.get(key);
    if (!message) return;
    this.#pending.delete(packetId);
    message.acknowledged++;
    this.acknowledged++;
    this.acknowledgedBytes += message.bytes;
  }

  stored({ body, systemProperties }: HubEvent): void {
    const createdAt = systemProperties["iothub-creation-time-utc"] ?? "";
    const message = this.messages.get(keyOf(createdAt, body));
    if (!message || message.stored >= message.firsts + message.repeats) {
      this.invented++;
      return;
    }
    if (message.stored++ > 0) return;
    if (message.order < this.#lastStored) this.misordered++;
    this.#lastStored = message.order;
  }

  #telemetry(packet: IPublishPacket): void {
    const [, created = ""] = /(?:%24|\$)\.ctime=([^&/]*)/.exec(packet.topic) ?? [];
    const createdAt = decodeURIComponent(created);
    const body = packet.payload as Uint8Array;
    const key = keyOf(createdAt, body);
    let message = this.messages.get(key);
    if (!message) {
      message = {
        ...{ order: this.messages.size, firsts: 0, repeats: 0, acknowledged: 0, stored: 0 },
        bytes: body.length,
        isUnique: createdAt !== "",
      };
      this.messages.set(key, message);
    }
    if (packet.dup) message.repeats++;
    else message.firsts++;
    if (packet.messageId !== undefined) this.#pending.set(packet.messageId, key);
    this.onTelemetry?.();
  }
}

function keyOf(createdAt: string, bytes: Uint8Array): string {
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
  return `${createdAt} ${body}`;
}

interface TappedStream {
  device: DeviceWitness;
  up: Parser;
  down: Parser;
}

/** Watches every wire of a world. */
export class Witness implements WireTap {
  readonly #devices = new Map<string, DeviceWitness>();
  readonly #streams = new Map<string, TappedStream>();

  of(device: string): DeviceWitness {
    let witness = this.#devices.get(device);
    if (!witness) {
      witness = new DeviceWitness();
      this.#devices.set(device, witness);
    }
    return witness;
  }

  opened(stream: string, deviceName: string): void {
    const device = this.of(deviceName);
    const up = mqttPacket.parser({ protocolVersion: 4 });
    const down = mqttPacket.parser({ protocolVersion: 4 });
    up.on("packet", (packet: Packet) => {
      if (packet.cmd === "publish") device.sent(packet);
      else if (packet.cmd === "disconnect") device.renewals++;
    });
    down.on("packet", (packet: Packet) => {
      if (packet.cmd === "puback" && packet.messageId !== undefined)
        device.confirmed(packet.messageId);
      else if (packet.cmd === "connack" && packet.returnCode === 0) device.connects++;
    });
    this.#streams.set(stream, { device, up, down });
  }

  up(stream: string, bytes: Uint8Array): void {
    this.#streams.get(stream)?.up.parse(Buffer.from(bytes));
  }

  down(stream: string, bytes: Uint8Array): void {
    this.#streams.get(stream)?.down.parse(Buffer.from(bytes));
  }

  closed(stream: string): void {
    this.#streams.delete(stream);
  }
}
