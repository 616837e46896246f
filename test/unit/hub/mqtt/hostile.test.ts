// Hostile bytes: mutated MQTT streams, split anywhere, end at most their own connection.
import fc from "fast-check";
import mqttPacket, { type IPublishPacket } from "mqtt-packet";
import { expect, test } from "vitest";
import { hubUserName } from "../../../../firmware/connection/topics.ts";
import { PacketGate } from "../../../../host-tools/hub/mqtt/packet-gate.ts";
import { PublishReader } from "../../../../host-tools/hub/mqtt/publish-reader.ts";
import { serveMqtt } from "../../../../host-tools/hub/serve-mqtt.ts";
import { SeededRandom } from "../../../../host-tools/sim/seeded-random.ts";
import { connect, HOST, hubWorld, RawClient, tokenFor } from "../../../support/hub-world.ts";

const SEED = 20_261_120;

function validStream(): Buffer {
  const packets: Parameters<typeof mqttPacket.generate>[0][] = [
    {
      ...{ cmd: "publish", topic: "devices/d/messages/events/a=b&%24.ct=x", payload: "hello" },
      ...{ qos: 1, messageId: 5, dup: false, retain: false },
    },
    { cmd: "subscribe", messageId: 6, subscriptions: [{ topic: "$iothub/twin/res/#", qos: 1 }] },
    { cmd: "unsubscribe", messageId: 7, unsubscriptions: ["$iothub/methods/POST/#"] },
    {
      ...{ cmd: "publish", topic: "$iothub/twin/PATCH/properties/reported/?$rid=1" },
      ...{ payload: '{"a":{"b":[1,2]}}', qos: 0, dup: false, retain: false },
    },
    { cmd: "puback", messageId: 1 },
    { cmd: "pingreq" },
    {
      ...{ cmd: "publish", topic: "$iothub/methods/res/200/?$rid=1", payload: "{}" },
      ...{ qos: 0, dup: false, retain: false },
    },
  ];
  return Buffer.concat(packets.map((packet) => mqttPacket.generate(packet)));
}

test(`mutated streams disturb nobody else (seed ${SEED})`, () => {
  const world = hubWorld();
  const random = new SeededRandom(SEED);
  const below = (limit: number): number => {
    const bytes = new Uint8Array(4);
    random.fill(bytes);
    return Buffer.from(bytes).readUInt32BE() % limit;
  };
  const good = connect(world, "good");
  const stream = validStream();
  let closed = 0;
  for (let round = 0; round < 400; round += 1) {
    const device = connect(world, "d");
    const bytes = Buffer.from(stream);
    for (let count = below(4); count >= 0; count -= 1) bytes[below(bytes.length)] = below(256);
    const cut = below(bytes.length);
    device.sendBytes(bytes.subarray(0, cut));
    device.sendBytes(bytes.subarray(cut));
    closed += device.isClosed ? 1 : 0;
    device.cut();
  }
  expect(closed).toBeGreaterThan(150);
  good.send({ cmd: "pingreq" });
  expect(good.received.at(-1)?.cmd).toBe("pingresp");
  expect(world.hub.sessions.liveCount).toBe(1);
  expect(world.hub.log.entries().filter(({ level }) => level === "error")).toEqual([]);
});

test(`mutated CONNECTs are refused or accepted, never worse (seed ${SEED})`, () => {
  const world = hubWorld();
  const random = new SeededRandom(SEED);
  const bytes = mqttPacket.generate({
    ...{ cmd: "connect", protocolId: "MQTT", protocolVersion: 4, clean: false, keepalive: 60 },
    clientId: "d",
    username: hubUserName(HOST, "d", "dtmi:a;1"),
    password: Buffer.from(tokenFor(world, connect(world, "d").transport.deviceId!)),
    will: { topic: "devices/d/messages/events/", payload: Buffer.from("x"), qos: 1, retain: true },
  });
  const draw = new Uint8Array(3);
  for (let round = 0; round < 400; round += 1) {
    const client = new RawClient((stream) => serveMqtt(world.hub, stream));
    const mutated = Buffer.from(bytes);
    random.fill(draw);
    mutated[(draw[0]! * 256 + draw[1]!) % mutated.length] = draw[2]!;
    client.sendBytes(mutated);
    client.cut();
  }
  expect(world.hub.sessions.liveCount).toBe(0);
  expect(connect(world, "d").connack?.returnCode).toBe(0);
});

test("a device that does not read ends its own connection", () => {
  const world = hubWorld();
  connect(world, "d").subscribe("$iothub/twin/res/#");
  let bufferedBytes = 0;
  let isClosed = false;
  const transport = serveMqtt(world.hub, {
    write: (bytes) => {
      bufferedBytes += bytes.length;
    },
    close: () => {
      isClosed = true;
    },
    get bufferedBytes() {
      return bufferedBytes;
    },
    peerName: "memory",
  });
  transport.receive(
    mqttPacket.generate({
      ...{ cmd: "connect", protocolId: "MQTT", protocolVersion: 4, clean: false, keepalive: 60 },
      ...{ clientId: "d", username: hubUserName(HOST, "d") },
      password: Buffer.from(tokenFor(world, "d")),
    }),
  );
  const report = { a: "x".repeat(4096), b: "x".repeat(4096) };
  world.hub.twins.patch({ deviceId: "d" }, { desired: report });
  const get = mqttPacket.generate({
    ...{ cmd: "publish", topic: "$iothub/twin/GET/?$rid=1", payload: "" },
    ...{ qos: 0, dup: false, retain: false },
  });
  for (let count = 0; count < 500 && !isClosed; count += 1) transport.receive(get);
  expect(isClosed).toBe(true);
  expect(bufferedBytes).toBeLessThan(1.1 * 1024 * 1024);
  expect(world.hub.log.entries().at(-1)!.text).toContain("does not read");
});

test("a stream means the same however it is cut", () => {
  const stream = validStream();
  const seen = new Set<string>();
  for (let cut = 0; cut <= stream.length; cut += 1) {
    const world = hubWorld();
    const device = connect(world, "d");
    device.sendBytes(stream.subarray(0, cut));
    device.sendBytes(stream.subarray(cut));
    expect(device.isClosed).toBe(false);
    seen.add(JSON.stringify([device.received, world.hub.events.lastSequence]));
  }
  expect(seen.size).toBe(1);
  const world = hubWorld();
  const device = connect(world, "d");
  for (const byte of stream) device.sendBytes(Uint8Array.of(byte));
  expect(seen).toContain(JSON.stringify([device.received, world.hub.events.lastSequence]));
});

test.each([
  ["a packet of 256 MB", [0x30, 0xff, 0xff, 0xff, 0x7f]],
  ["a length of five bytes", [0x30, 0x80, 0x80, 0x80, 0x80, 0x01]],
  ["an UNSUBSCRIBE with one byte too many", [0xa2, 6, 0, 1, 0, 1, 0x61, 0x00]],
  ["an UNSUBSCRIBE without a filter", [0xa2, 2, 0, 1]],
  ["a topic that is not UTF-8", [0x30, 4, 0, 2, 0xc3, 0x28]],
  ["a topic with U+0000", [0x30, 3, 0, 1, 0]],
  ["a topic with a wildcard", [0x30, 3, 0, 1, 0x23]],
  ["an empty topic", [0x30, 2, 0, 0]],
  ["a topic longer than its packet", [0x30, 3, 0, 9, 0x61]],
  ["packet id 0", [0x32, 5, 0, 1, 0x61, 0, 0]],
  ["QoS 3", [0x36, 5, 0, 1, 0x61, 0, 1]],
  ["a SUBSCRIBE without a filter", [0x82, 2, 0, 1]],
  ["a CONNACK from a client", [0x20, 2, 0, 0]],
  ["type 0", [0x00, 0]],
  ["type 15", [0xf0, 0]],
])("%s ends the connection", (_what, bytes) => {
  const world = hubWorld();
  const device = connect(world, "d");
  device.sendBytes(Uint8Array.from(bytes));
  expect(device.isClosed).toBe(true);
  expect(world.hub.log.entries().at(-1)).toMatchObject({ level: "warn", code: 400004 });
});

test(`PUBLISH reads as mqtt-packet writes it (seed ${SEED})`, () => {
  const topic = fc
    .string({ unit: "grapheme", minLength: 1, maxLength: 40 })
    .filter((text) => !["+", "#", "\u0000"].some((mark) => text.includes(mark)));
  const publish = fc.record({
    topic,
    payload: fc.uint8Array({ maxLength: 300 }),
    qos: fc.constantFrom(0, 1, 2),
    messageId: fc.integer({ min: 1, max: 65_535 }),
    dup: fc.boolean(),
    retain: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(publish, { minLength: 1, maxLength: 5 }), (all) => {
      const gate = new PacketGate();
      const reader = new PublishReader();
      for (const one of all) {
        const packet = {
          ...one,
          cmd: "publish",
          payload: Buffer.from(one.payload),
        } as IPublishPacket;
        gate.push(mqttPacket.generate(packet));
        const read = reader.read(gate.next()!, gate.headerBytes);
        expect(read).toEqual({
          ...packet,
          ...(one.qos === 0 ? { messageId: undefined } : {}),
        });
      }
    }),
    { seed: SEED, numRuns: 300 },
  );
});
