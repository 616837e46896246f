// What a device really sent and what it was told, read off its wire (mqtt-packet): independent of firmware and hub.
import mqttPacket, { type IPublishPacket, type Packet, type Parser } from "mqtt-packet";
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
}

export class DeviceWitness {
  /** By body; bodies of real devices repeat, so each entry counts. */
  readonly messages = new Map<string, Transmission>();
  connects = 0;
  twinPatches = 0;
  methodAnswers = 0;
  acknowledged = 0;
  acknowledgedBytes = 0;
  /** Stored messages that the device had never sent. */
  invented = 0;
  /** Messages the hub stored in another order than the device sent them first. */
  misordered = 0;
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
    this.acknowledgedBytes += key?.length ?? 0;
  }

  stored(body: Uint8Array): void {
    const message = this.messages.get(keyOf(body));
    if (!message || message.stored >= message.firsts + message.repeats) {
      this.invented++;
      return;
    }
    if (message.stored++ > 0) return;
    if (message.order < this.#lastStored) this.misordered++;
    this.#lastStored = message.order;
  }

  #telemetry(packet: IPublishPacket): void {
    const key = keyOf(packet.payload as Uint8Array);
    let message = this.messages.get(key);
    if (!message) {
      message = { order: this.messages.size, firsts: 0, repeats: 0, acknowledged: 0, stored: 0 };
      this.messages.set(key, message);
    }
    if (packet.dup) message.repeats++;
    else message.firsts++;
    if (packet.messageId !== undefined) this.#pending.set(packet.messageId, key);
  }
}

function keyOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
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
