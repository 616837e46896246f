// packet-writer against mqtt-packet: 50,000 random packets, equal to the byte and read back by its parser.
import { generate, type Packet, parser } from "mqtt-packet";
import { expect, test } from "vitest";
import { GodwitError } from "../../../firmware/codec/error.ts";
import {
  connectPacket,
  filtersPacket,
  type MqttConnect,
  publishHead,
} from "../../../firmware/mqtt/packet-writer.ts";
import { type Seeded, seeded } from "../../support/seeded.ts";

const NAMES = ["dev1", "größe", "€uro", "😀", "x".repeat(200), "devices/dev1/messages/events/"];

function randomConnect(random: Seeded): { ours: Uint8Array; packet: Packet } {
  const withUser = random.chance(0.7);
  const username = withUser ? random.pick(NAMES) : undefined;
  const password = withUser && random.chance(0.7) ? random.pick(NAMES) : undefined;
  const will = random.chance(0.3)
    ? {
        topic: random.pick(NAMES),
        payload: Buffer.from(random.bytes(1 + random.int(300))),
        qos: random.pick([0, 1] as const),
        retain: random.chance(0.5),
      }
    : undefined;
  const base = { clientId: random.pick(NAMES), ...(will ? { will } : {}) };
  const keepAliveS = random.int(65_536);
  const isClean = random.chance(0.5);
  const binary = random.chance(0.5) && password !== undefined;
  return {
    ours: connectPacket({
      ...base,
      cleanSession: isClean,
      keepAliveS,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password: binary ? Buffer.from(password) : password }),
    }),
    packet: {
      ...base,
      cmd: "connect",
      protocolId: "MQTT",
      protocolVersion: 4,
      clean: isClean,
      keepalive: keepAliveS,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password: Buffer.from(password) }),
    },
  };
}

function randomPair(random: Seeded): { ours: Uint8Array; packet: Packet } {
  const kind = random.int(8);
  const messageId = 1 + random.int(65_535);
  if (kind === 0) return randomConnect(random);
  if (kind === 1) {
    const filters = Array.from({ length: 1 + random.int(5) }, () => `${random.pick(NAMES)}/#`);
    const asked = filters.map((filter) => ({ filter, qos: random.pick([0, 1] as const) }));
    if (random.chance(0.3))
      return {
        ours: filtersPacket(messageId, filters),
        packet: { cmd: "unsubscribe", messageId, unsubscriptions: filters },
      };
    const subscriptions = asked.map(({ filter, qos }) => ({ topic: filter, qos }));
    return {
      ours: filtersPacket(messageId, asked),
      packet: { cmd: "subscribe", messageId, subscriptions },
    };
  }
  const qos = random.pick([0, 1] as const);
  const payload = Buffer.from(random.bytes(random.int(random.pick([2, 200, 20_000]))));
  const topic = random.pick(NAMES);
  const retain = random.chance(0.2);
  const head = publishHead(topic, qos && messageId, payload.length, retain);
  return {
    ours: Buffer.concat([head, payload]),
    packet: {
      cmd: "publish",
      topic,
      payload,
      qos,
      retain,
      dup: false,
      ...(qos ? { messageId } : {}),
    },
  };
}

test("50,000 random packets are what mqtt-packet makes, to the byte, and its parser takes them", () => {
  const random = seeded("mqtt writer");
  let parsed = 0;
  const oracle = parser();
  oracle.on("packet", () => parsed++);
  oracle.on("error", (error) => expect.fail(error.message));
  for (let round = 0; round < 50_000; round++) {
    const { ours, packet } = randomPair(random);
    if (Buffer.compare(ours, generate(packet)) !== 0)
      expect(Buffer.from(ours).toString("hex"), packet.cmd).toBe(generate(packet).toString("hex"));
    if (round % 5 === 0) {
      const before = parsed;
      oracle.parse(Buffer.from(ours));
      if (parsed !== before + 1) expect.fail(`${packet.cmd} not parsed`);
    }
  }
});

test.each([0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152])(
  "remaining length around its digit borders: payload of %d bytes less the head",
  (remaining) => {
    for (const payloadBytes of [remaining - 3, remaining - 2, remaining].filter(
      (count) => count >= 0,
    )) {
      const expected = generate({
        cmd: "publish",
        topic: "t",
        payload: Buffer.alloc(payloadBytes),
        qos: 0,
        dup: false,
        retain: false,
      }).subarray(0, -payloadBytes || undefined);
      expect(Buffer.from(publishHead("t", 0, payloadBytes, false))).toEqual(expected);
    }
  },
);

const CONNECT: MqttConnect = { clientId: "c", cleanSession: true, keepAliveS: 0 };
const will = { topic: "t", payload: new Uint8Array(70_000), qos: 0 } as const;

test.each<[string, () => unknown]>([
  ["wildcard # in a topic", () => publishHead("a/#", 0, 0, false)],
  ["wildcard + in a topic", () => publishHead("a/+/b", 0, 0, false)],
  ["empty topic", () => publishHead("", 0, 0, false)],
  ["NUL in a topic", () => publishHead("a\0", 0, 0, false)],
  ["topic over 65,535 bytes", () => publishHead("€".repeat(21_846), 0, 0, false)],
  ["packet over 256 MB", () => publishHead("t", 0, 268_435_456, false)],
  ["length that is no number", () => publishHead("t", 0, Number.NaN, false)],
  ["negative length", () => publishHead("t", 0, -9, false)],
  ["no filters", () => filtersPacket(1, [])],
  ["nine filters", () => filtersPacket(1, new Array(9).fill("a"))],
  ["empty filter", () => filtersPacket(1, [{ filter: "", qos: 0 }])],
  ["password without username", () => connectPacket({ ...CONNECT, password: "p" })],
  [
    "empty client id with a kept session",
    () => connectPacket({ ...CONNECT, clientId: "", cleanSession: false }),
  ],
  ["keep-alive over 65,535 s", () => connectPacket({ ...CONNECT, keepAliveS: 65_536 })],
  ["keep-alive that is no number", () => connectPacket({ ...CONNECT, keepAliveS: Number.NaN })],
  ["NUL in the client id", () => connectPacket({ ...CONNECT, clientId: "a\0b" })],
  ["will with wildcard", () => connectPacket({ ...CONNECT, will: { ...will, topic: "#" } })],
  ["will payload over 65,535 bytes", () => connectPacket({ ...CONNECT, will })],
])("%s is the caller's mistake", (_, make) => {
  expect(make).toThrow(GodwitError);
  expect(make).toThrow(expect.objectContaining({ code: "argument" }));
});
