// Device-to-cloud messages: bags, limits, wills, RETAIN, what closes a connection, acknowledgement after storing.
import { expect, test } from "vitest";
import { D2C_BYTES_MAX } from "../../../../firmware/connection/limits.ts";
import type { HubEvent } from "../../../../host-tools/hub/core/event.ts";
import { MemoryStore } from "../../../../host-tools/hub/core/memory-store.ts";
import { connect, type HubWorld, hubWorld } from "../../../support/hub-world.ts";

const TOPIC = "devices/d/messages/events/";

const telemetry = (world: HubWorld): HubEvent[] =>
  [...world.hub.events.read(0, 1000)].filter(({ source }) => source === "Telemetry");
const lastLog = (world: HubWorld): string => world.hub.log.entries().at(-1)!.text;

test("raw and encoded dollars name the same system property", () => {
  const world = hubWorld();
  const device = connect(world, "d");
  device.publish(`${TOPIC}$.ct=a&%24.ce=b&x=1`);
  expect({ ...telemetry(world)[0]!.systemProperties }).toEqual({
    "content-type": "a",
    "content-encoding": "b",
  });
});

test("no bag, no trailing slash, a slash behind the bag, an empty value, __proto__ as a name", () => {
  const world = hubWorld();
  const device = connect(world, "d");
  device.publish("devices/d/messages/events");
  device.publish(TOPIC);
  device.publish(`${TOPIC}a=/`);
  device.publish(`${TOPIC}__proto__=x`);
  expect(device.isClosed).toBe(false);
  const [bare, empty, slash, proto] = telemetry(world);
  expect(Object.keys(bare!.properties)).toEqual([]);
  expect(Object.keys(empty!.properties)).toEqual([]);
  expect({ ...slash!.properties }).toEqual({ a: "" });
  expect(Object.entries(proto!.properties)).toEqual([["__proto__", "x"]]);
});

test.each([
  ["a bad escape", `${TOPIC}a=%zz`],
  ["half a character", `${TOPIC}a=%c3`],
  ["a property without a name", `${TOPIC}=b`],
  ["a repeated name", `${TOPIC}a=1&a=2`],
  ["too many properties", TOPIC + Array.from({ length: 200 }, (_, i) => `k${i}=1`).join("&")],
  ["another device's topic", "devices/e/messages/events/"],
  ["a topic IoT Hub does not have", "sensors/temperature"],
  ["a twin request without $rid", "$iothub/twin/GET/"],
  ["a method answer without a status", "$iothub/methods/res//?$rid=1"],
])("%s ends the connection with an explanation, and is not acknowledged", (_what, topic) => {
  const world = hubWorld();
  const other = connect(world, "other");
  const device = connect(world, "d");
  const id = device.publish(topic, "x", { qos: 1 });
  expect(device.isAcknowledged(id)).toBe(false);
  expect(device.isClosed).toBe(true);
  expect(world.hub.log.entries().at(-1)).toMatchObject({ level: "warn", code: 400004 });
  expect(telemetry(world)).toEqual([]);
  other.send({ cmd: "pingreq" });
  expect(other.received.at(-1)?.cmd).toBe("pingresp");
});

test("what came before a bad packet in the same read is stored and acknowledged", () => {
  const world = hubWorld();
  const device = connect(world, "d");
  const good = Buffer.from([0x32, 2 + TOPIC.length + 2 + 1, 0, TOPIC.length]);
  const bytes = Buffer.concat([
    good,
    Buffer.from(TOPIC),
    Buffer.from([0, 9, 0x41]),
    Buffer.from([0xf0, 0]),
  ]);
  device.sendBytes(bytes);
  expect(device.isClosed).toBe(true);
  expect(device.isAcknowledged(9)).toBe(true);
  expect(telemetry(world)).toHaveLength(1);
});

test("a message may take 256 KB with its properties, not one byte more", () => {
  const world = hubWorld();
  const device = connect(world, "d");
  const body = Buffer.alloc(D2C_BYTES_MAX - 4);
  const fits = device.publish(`${TOPIC}ab=cd`, body, { qos: 1 });
  expect(device.isAcknowledged(fits)).toBe(true);
  const over = device.publish(`${TOPIC}ab=cde`, body, { qos: 1 });
  expect(device.isAcknowledged(over)).toBe(false);
  expect(device.isClosed).toBe(true);
  expect(lastLog(world)).toContain("262145 bytes");
});

test("RETAIN becomes a property; QoS 2 ends the connection", () => {
  const world = hubWorld();
  const device = connect(world, "d");
  device.publish(`${TOPIC}a=1`, "x", { retain: true });
  expect({ ...telemetry(world)[0]!.properties }).toEqual({ a: "1", "mqtt-retain": "true" });
  device.publish(TOPIC, "x", { qos: 2 });
  expect(device.isClosed).toBe(true);
  expect(lastLog(world)).toContain("QoS 2");
});

test("a will is forwarded when the connection dies, not when it is ended", () => {
  const world = hubWorld();
  const will = {
    topic: `${TOPIC}a=1`,
    payload: Buffer.from("gone"),
    qos: 1,
    retain: false,
  } as const;
  connect(world, "d", { will }).send({ cmd: "disconnect" });
  expect(telemetry(world)).toEqual([]);
  connect(world, "d", { will }).cut();
  const [event] = telemetry(world);
  expect(Buffer.from(event!.body).toString()).toBe("gone");
  expect({ ...event!.properties }).toEqual({ a: "1", "iothub-MessageType": "Will" });
  const foreign = { ...will, topic: "devices/e/messages/events/" };
  expect(connect(world, "d", { will: foreign }).connack?.returnCode).toBe(4);
});

test("nothing is acknowledged that the store did not take", () => {
  class FullStore extends MemoryStore {
    isFull = false;
    override commit(): void {
      if (this.isFull) throw new Error("disk full");
    }
  }
  const store = new FullStore();
  const world = hubWorld({ store });
  const device = connect(world, "d");
  store.isFull = true;
  const id = device.publish(TOPIC, "x", { qos: 1 });
  expect(device.isAcknowledged(id)).toBe(false);
  expect(device.isClosed).toBe(true);
  expect(world.hub.log.entries().some(({ text }) => text.includes("disk full"))).toBe(true);
  expect(world.hub.events.read(0, 100).every(({ source }) => source !== "Telemetry")).toBe(true);
  store.isFull = false;
  const again = connect(world, "d");
  const repeated = again.publish(TOPIC, "x", { qos: 1 });
  expect(again.isAcknowledged(repeated)).toBe(true);
  const events = world.hub.events.read(0, 100);
  expect(telemetry(world)).toHaveLength(2);
  expect(events.map(({ sequenceNumber }) => sequenceNumber)).toEqual(events.map((_, at) => at + 1));
  expect(store.readEvents(0, 100)).toEqual(events);
});

test("twin and lifecycle changes and connections are events too, in one sequence", () => {
  const world = hubWorld();
  const device = connect(world, "d");
  device.publish(TOPIC, "x");
  world.hub.twins.patch({ deviceId: "d" }, { tags: { a: 1 } });
  device.send({ cmd: "disconnect" });
  world.hub.registry.remove({ deviceId: "d" });
  const events = world.hub.events.read(0, 100);
  expect(events.map(({ source, properties }) => `${source} ${properties.opType ?? ""}`)).toEqual([
    "deviceLifecycleEvents createDeviceIdentity",
    "deviceConnectionStateEvents deviceConnected",
    "Telemetry ",
    "twinChangeEvents updateTwin",
    "deviceConnectionStateEvents deviceDisconnected",
    "deviceLifecycleEvents deleteDeviceIdentity",
  ]);
  expect(events.map(({ sequenceNumber }) => sequenceNumber)).toEqual([1, 2, 3, 4, 5, 6]);
});
