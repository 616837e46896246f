// Random packets that a server may send, made by mqtt-packet, and the line RecordingSink writes for each.
import { generate, type Packet } from "mqtt-packet";
import { messageLine } from "./mqtt-sink.ts";
import type { Seeded } from "./seeded.ts";

const TOPICS = [
  "$iothub/twin/res/204/?$rid=7&$version=3",
  "devices/dev1/messages/devicebound/%24.to=%2Fdevices%2Fdev1",
  "$iothub/methods/POST/reboot/?$rid=1",
  "a",
  "größe/€/😀",
  "x".repeat(300),
];

export function serverPacket(random: Seeded): { bytes: Buffer; line: string } {
  const messageId = 1 + random.int(65_535);
  const packet = randomPacket(random, messageId);
  return { bytes: generate(packet), line: lineOf(packet) };
}

function randomPacket(random: Seeded, messageId: number): Packet {
  const kind = random.int(10);
  if (kind === 0) return { cmd: "puback", messageId };
  if (kind === 1) return { cmd: "unsuback", messageId, granted: [] };
  if (kind === 2) return { cmd: "pingresp" };
  if (kind === 3)
    return { cmd: "connack", returnCode: random.int(6), sessionPresent: random.chance(0.5) };
  if (kind === 4) {
    const granted = Array.from({ length: 1 + random.int(5) }, () => random.pick([0, 1, 2, 128]));
    return { cmd: "suback", messageId, granted };
  }
  const payloadBytes = random.chance(0.2) ? 0 : random.int(random.chance(0.02) ? 3000 : 200);
  const qos = random.chance(0.5) ? 1 : 0;
  return {
    cmd: "publish",
    topic: random.pick(TOPICS),
    payload: Buffer.from(random.bytes(payloadBytes)),
    qos,
    dup: qos === 1 && random.chance(0.2),
    retain: random.chance(0.2),
    ...(qos === 1 ? { messageId } : {}),
  };
}

function lineOf(packet: Packet): string {
  const id = (packet.messageId ?? 0).toString(16).padStart(4, "0");
  if (packet.cmd === "publish") {
    const head = { topic: packet.topic, qos: packet.qos, packetId: packet.messageId ?? 0 };
    return messageLine(head, packet.retain, packet.dup, packet.payload as Buffer);
  }
  if (packet.cmd === "connack")
    return `2 ${packet.sessionPresent ? "01" : "00"}0${packet.returnCode}`;
  if (packet.cmd === "puback") return `4 ${id}`;
  if (packet.cmd === "unsuback") return `11 ${id}`;
  if (packet.cmd === "suback")
    return `9 ${id}${Buffer.from(packet.granted as number[]).toString("hex")}`;
  return "13 ";
}
