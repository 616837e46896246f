// Faults on purpose, throttles and quotas: what a device sees, and that it ends.
import { expect, test } from "vitest";
import { connect, hubWorld, type RawClient } from "../../../support/hub-world.ts";

const TOPIC = "devices/d/messages/events/";
const lastCode = (world: ReturnType<typeof hubWorld>) => world.hub.log.entries().at(-1)!.code;
const acknowledgedOf = (device: RawClient): number =>
  device.received.filter(({ cmd }) => cmd === "puback").length;

test("drop and expireToken close the connection; the session is there afterwards", () => {
  const world = hubWorld();
  const first = connect(world, "d");
  expect(world.hub.faults.drop("nobody")).toBe(0);
  expect(world.hub.faults.drop("d")).toBe(1);
  expect(first.isClosed).toBe(true);
  expect(lastCode(world)).toBe(400029);
  const second = connect(world, "d");
  expect(second.connack?.sessionPresent).toBe(true);
  expect(world.hub.faults.expireToken("*")).toBe(1);
  expect(lastCode(world)).toBe(401003);
});

test("refuse answers CONNECT with the code for as long as asked", () => {
  const world = hubWorld();
  world.hub.faults.refuse("d", 5000, 5);
  expect(connect(world, "d").connack?.returnCode).toBe(5);
  expect(connect(world, "other").connack?.returnCode).toBe(0);
  world.clock.runFor(5000);
  expect(connect(world, "d").connack?.returnCode).toBe(0);
});

test("a fail-over closes everything, refuses for a while and loses queued messages", () => {
  const world = hubWorld();
  const device = connect(world, "d");
  world.hub.cloudToDevice.send({ deviceId: "d" }, { body: Buffer.from("x") });
  world.hub.faults.failOver(30_000);
  expect(device.isClosed).toBe(true);
  expect(world.hub.cloudToDevice.pending({ deviceId: "d" })).toEqual([]);
  expect(connect(world, "d").connack?.returnCode).toBe(3);
  world.clock.runFor(30_000);
  expect(connect(world, "d").connack?.returnCode).toBe(0);
});

test("delay holds back what the hub sends, in order, also when it ends in between", () => {
  const world = hubWorld();
  const device = connect(world, "d");
  world.hub.faults.delay("d", 400, 1000);
  const first = device.publish(TOPIC, "1", { qos: 1 });
  world.clock.runFor(399);
  expect(device.isAcknowledged(first)).toBe(false);
  world.hub.faults.clear();
  device.send({ cmd: "pingreq" });
  expect(device.received.at(-1)?.cmd).toBe("connack");
  world.clock.runFor(1);
  expect(device.received.slice(1).map(({ cmd }) => cmd)).toEqual(["puback", "pingresp"]);
});

test("throttle answers twin requests with 429 and slows telemetry down without losing any", () => {
  const world = hubWorld();
  const device = connect(world, "d");
  device.subscribe("$iothub/twin/res/#");
  world.hub.faults.throttle("d", 10_000);
  device.publish("$iothub/twin/GET/?$rid=1");
  expect(device.messages("$iothub/twin/res/")[0]!.topic).toBe("$iothub/twin/res/429/?$rid=1");
  for (let count = 0; count < 5; count += 1) device.publish(TOPIC, "x", { qos: 1 });
  expect(acknowledgedOf(device)).toBe(1);
  world.clock.runFor(10_000);
  expect(acknowledgedOf(device)).toBe(5);
});

test("a skewed clock makes good tokens late", () => {
  const world = hubWorld();
  world.hub.registry.create({ deviceId: "d" });
  world.hub.faults.skewClock(2 * 3600 * 1000);
  expect(connect(world, "d").connack?.returnCode).toBe(5);
  expect(world.hub.log.entries().at(-1)!.text).toContain("expired 3600 s ago");
  world.hub.faults.clear();
  expect(connect(world, "d").connack?.returnCode).toBe(0);
});

test("a clock that jumps past a live token's end ends its connection", () => {
  const world = hubWorld();
  const device = connect(world, "d");
  world.hub.faults.skewClock(3_600_000);
  world.clock.runFor(0);
  expect(device.isClosed).toBe(true);
  expect(lastCode(world)).toBe(401003);
});

test("an enforced tier shapes sends to its rate and never loses one", () => {
  const world = hubWorld({ enforceThrottles: true });
  const device = connect(world, "d", { keepaliveS: 1000 });
  for (let count = 0; count < 400; count += 1) device.publish(TOPIC, "x", { qos: 1 });
  expect(acknowledgedOf(device)).toBeLessThanOrEqual(102);
  world.clock.runFor(1000);
  expect(acknowledgedOf(device)).toBeGreaterThan(190);
  expect(acknowledgedOf(device)).toBeLessThan(210);
  world.clock.runFor(3000);
  expect(acknowledgedOf(device)).toBe(400);
});

test("the meter counts blocks of 4 KB, on the free tier of 0.5 KB, and starts anew at midnight", () => {
  const world = hubWorld();
  const device = connect(world, "d", { keepaliveS: 0 });
  for (const byteCount of [0, 1, 4096, 4097]) device.publish(TOPIC, Buffer.alloc(byteCount));
  expect(world.hub.throttles.reading()).toEqual({
    messages: 5,
    messagesPerDay: 400_000,
    bytes: 8194,
  });
  world.clock.runFor(12 * 3_600_000);
  expect(world.hub.throttles.reading().messages).toBe(0);
  const free = hubWorld({ tier: "F1" });
  connect(free, "d").publish(TOPIC, Buffer.alloc(1025));
  expect(free.hub.throttles.reading().messages).toBe(3);
});

test("past an enforced daily quota a send ends the connection with 403002", () => {
  const world = hubWorld({ tier: "F1", enforceThrottles: true });
  const device = connect(world, "d");
  const body = Buffer.alloc(256 * 1024);
  for (let count = 0; count < 17; count += 1) device.publish(TOPIC, body, { qos: 1 });
  expect(device.isClosed).toBe(true);
  expect(acknowledgedOf(device)).toBe(16);
});
