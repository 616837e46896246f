// Cloud-to-device messages: queue, locks, redelivery, expiry, feedback, bounds.
import { expect, test } from "vitest";
import { decodeBag } from "../../../../firmware/connection/bag.ts";
import type { FeedbackRecord } from "../../../../host-tools/hub/core/service.ts";
import { connect, hubWorld, type RawClient } from "../../../support/hub-world.ts";

const name = { deviceId: "d" };
const PREFIX = "devices/d/messages/devicebound/";
const FILTER = `${PREFIX}#`;
const body = (text: string): Uint8Array => Buffer.from(text);

const texts = (device: RawClient): string[] =>
  device.messages(PREFIX).map(({ payload }) => payload.toString());

function acknowledge(device: RawClient, index: number): void {
  device.send({ cmd: "puback", messageId: device.messages(PREFIX)[index]!.messageId! });
}

test("messages wait for the first subscription, arrive in order, and PUBACK completes them", () => {
  const world = hubWorld();
  const { hub } = world;
  hub.registry.create(name);
  for (const text of ["1", "2", "3"]) hub.cloudToDevice.send(name, { body: body(text) });
  const device = connect(world, "d");
  expect(texts(device)).toEqual([]);
  device.subscribe("devices/+/messages/devicebound/#");
  expect(texts(device)).toEqual(["1", "2", "3"]);
  acknowledge(device, 1);
  expect(hub.cloudToDevice.pending(name).map(({ sequence }) => sequence)).toEqual([1, 3]);
  expect(hub.registry.activity(name).cloudToDeviceCount).toBe(2);
});

test("the bag carries system and application properties, percent-encoded", () => {
  const world = hubWorld();
  const device = connect(world, "d");
  device.subscribe(FILTER);
  const properties = { "k/1": "v & ü", bare: null };
  const message = { body: body("x"), messageId: "m/1", contentType: "a/b", properties };
  world.hub.cloudToDevice.send(name, message);
  const [{ topic } = { topic: "" }] = device.messages(PREFIX);
  const bag = topic.slice(PREFIX.length);
  expect(bag).not.toContain("/");
  expect(Object.fromEntries(decodeBag(bag))).toMatchObject({
    "$.to": "/devices/d/messages/devicebound",
    "$.mid": "m/1",
    "$.ct": "a/b",
    "k/1": "v & ü",
    bare: null,
  });
});

test("an unacknowledged message comes again after 60 s with DUP; the old lock is lost", () => {
  const world = hubWorld();
  const device = connect(world, "d");
  device.subscribe(FILTER);
  world.hub.cloudToDevice.send(name, { body: body("x") });
  world.clock.runFor(59_999);
  expect(texts(device)).toHaveLength(1);
  world.clock.runFor(1);
  expect(device.messages(PREFIX).map(({ dup }) => dup)).toEqual([false, true]);
  acknowledge(device, 0);
  expect(world.hub.cloudToDevice.pending(name)).toHaveLength(1);
  expect(world.hub.log.entries().at(-1)!.text).toContain("was sent again");
  acknowledge(device, 1);
  expect(world.hub.cloudToDevice.pending(name)).toHaveLength(0);
});

test("what a lost connection left unacknowledged is delivered to the next one at once", () => {
  const world = hubWorld();
  const device = connect(world, "d");
  device.subscribe(FILTER);
  world.hub.cloudToDevice.send(name, { body: body("x") });
  device.cut();
  const next = connect(world, "d");
  expect(next.messages(PREFIX)).toMatchObject([{ dup: true, qos: 1 }]);
  expect(next.received[0]?.cmd).toBe("connack");
});

test("a queue holds 50 messages of 64 KB; more is refused", () => {
  const world = hubWorld();
  world.hub.registry.create(name);
  const send = (byteCount: number): string =>
    world.hub.cloudToDevice.send(name, { body: new Uint8Array(byteCount) });
  expect(() => send(65_537)).toThrow(expect.objectContaining({ code: 413001 }));
  for (let count = 0; count < 50; count += 1) send(count === 0 ? 65_536 : 1);
  expect(() => send(1)).toThrow(expect.objectContaining({ code: 403004 }));
});

test("one connection is handed 16 messages at a time", () => {
  const world = hubWorld();
  const device = connect(world, "d");
  device.subscribe(FILTER);
  for (let count = 0; count < 20; count += 1) {
    world.hub.cloudToDevice.send(name, { body: body(String(count)) });
  }
  expect(texts(device)).toHaveLength(16);
  acknowledge(device, 0);
  expect(texts(device).at(-1)).toBe("16");
});

test("feedback tells success, expiry, rejection, purge and abandonment to who asked for it", () => {
  const world = hubWorld();
  const { hub } = world;
  const records: FeedbackRecord[] = [];
  hub.cloudToDevice.onFeedback((batch) => records.push(...batch));
  hub.registry.create(name);
  const send = (messageId: string, ack: "full" | "positive" | "negative" | "none"): void => {
    hub.cloudToDevice.send(name, { body: body("x"), messageId, ack });
  };
  const take = (): string => hub.cloudToDevice.receive(name)!.lockToken!;
  send("done", "positive");
  hub.cloudToDevice.complete(name, take());
  send("done quietly", "negative");
  hub.cloudToDevice.complete(name, take());
  send("no", "negative");
  hub.cloudToDevice.reject(name, take());
  send("again and again", "full");
  for (let count = 0; count < 10; count += 1) hub.cloudToDevice.abandon(name, take());
  send("purged", "full");
  expect(hub.cloudToDevice.purge(name)).toBe(1);
  expect(records).toEqual([]);
  world.clock.runFor(15_000);
  expect(records.map(({ originalMessageId: id, statusCode }) => `${id}: ${statusCode}`)).toEqual([
    "done: Success",
    "no: Rejected",
    "again and again: DeliveryCountExceeded",
    "purged: Purged",
  ]);
  send("late", "full");
  world.clock.runFor(3_600_000 + 15_000);
  expect(records.at(-1)).toMatchObject({ originalMessageId: "late", statusCode: "Expired" });
  expect(hub.cloudToDevice.pending(name)).toEqual([]);
});

test("64 records are told at once", () => {
  const world = hubWorld();
  const batches: number[] = [];
  world.hub.cloudToDevice.onFeedback((batch) => batches.push(batch.length));
  world.hub.registry.create(name);
  for (let count = 0; count < 64; count += 1) {
    world.hub.cloudToDevice.send(name, { body: body("x"), ack: "full" });
    world.hub.cloudToDevice.complete(name, world.hub.cloudToDevice.receive(name)!.lockToken!);
  }
  expect(batches).toEqual([64]);
});

test("a subscription with QoS 0 completes with the delivery", () => {
  const world = hubWorld();
  const device = connect(world, "d");
  device.send({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: FILTER, qos: 0 }] });
  world.hub.cloudToDevice.send(name, { body: body("x") });
  expect(device.messages(PREFIX)).toMatchObject([{ qos: 0 }]);
  expect(world.hub.cloudToDevice.pending(name)).toEqual([]);
});
