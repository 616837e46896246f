// Twins over MQTT: merge, versions, metadata, notifications, and every limit with the error a device sees.
import { expect, test } from "vitest";
import { connect, type HubWorld, hubWorld, type RawClient } from "../../../support/hub-world.ts";

const REPORT = "$iothub/twin/PATCH/properties/reported/?$rid=";
const name = { deviceId: "d" };

function open(options = {}): { world: HubWorld; device: RawClient } {
  const world = hubWorld(options);
  const device = connect(world, "d");
  device.subscribe("$iothub/twin/res/#", "$iothub/twin/PATCH/properties/desired/#");
  return { world, device };
}

function report(device: RawClient, rid: string, patch: unknown): { topic: string; body: string } {
  const isRaw = typeof patch === "string" || patch instanceof Buffer;
  const text = isRaw ? patch : JSON.stringify(patch);
  device.publish(`${REPORT}${rid}`, text);
  const answer = device.messages("$iothub/twin/res/").at(-1)!;
  return { topic: answer.topic, body: answer.payload.toString() };
}

test("reports merge, delete with null, and carry the version in the topic", () => {
  const { world, device } = open();
  expect(report(device, "a", { t: 1, nested: { x: 1, y: [1, 2] } })).toEqual({
    topic: "$iothub/twin/res/204/?$rid=a&$version=2",
    body: "",
  });
  expect(report(device, "b", { nested: { x: null, z: true } }).topic).toContain("$version=3");
  const { reported } = world.hub.twins.read(name).properties;
  expect(reported).toMatchObject({ t: 1, nested: { y: [1, 2], z: true }, $version: 3 });
  expect(reported.nested).not.toHaveProperty("x");
  expect(reported.$metadata).toMatchObject({
    $lastUpdated: "2026-11-20T12:00:00.000Z",
    t: { $lastUpdatedVersion: 2 },
    nested: {
      $lastUpdatedVersion: 3,
      y: { $lastUpdatedVersion: 2 },
      z: { $lastUpdatedVersion: 3 },
    },
  });
});

test("desired changes are told with their version; a replace is told as a whole", () => {
  const { world, device } = open();
  world.hub.twins.patch(name, { desired: { a: 1, b: { c: 2 } } });
  world.hub.twins.patch(name, { desired: { a: null }, tags: { room: "x" } });
  world.hub.twins.replace(name, { desired: { only: true } });
  world.hub.twins.patch(name, { tags: { room: null } });
  const seen = device
    .messages("$iothub/twin/PATCH/properties/desired/")
    .map(({ topic, payload }) => [topic.split("?")[1], JSON.parse(payload.toString())]);
  expect(seen).toEqual([
    ["$version=2", { a: 1, b: { c: 2 }, $version: 2 }],
    ["$version=3", { a: null, $version: 3 }],
    ["$version=4", { only: true, $version: 4 }],
  ]);
  const twin = world.hub.twins.read(name);
  expect(twin.version).toBe(5);
  expect(twin.tags).toEqual({});
});

test("a stale etag is refused and changes nothing", () => {
  const { world } = open();
  const { etag } = world.hub.twins.patch(name, { tags: { a: 1 } });
  world.hub.twins.patch(name, { tags: { a: 2 } }, `"${etag}"`);
  expect(() => world.hub.twins.patch(name, { tags: { a: 3 } }, etag)).toThrow(
    expect.objectContaining({ code: 412001 }),
  );
  expect(world.hub.twins.read(name).tags).toEqual({ a: 2 });
});

const deep = (levels: number): object => (levels === 0 ? { v: 1 } : { n: deep(levels - 1) });

test.each([
  ["no JSON", "{", "not JSON"],
  ["no UTF-8", Buffer.from([...Buffer.from('{"a":"'), 0xc3, 0x28, 0x22, 0x7d]), "no UTF-8"],
  ["a byte-order mark", '\ufeff{"a":1}', "not JSON"],
  ["no object", [1], "not a JSON object"],
  ["a dot in a key", { "a.b": 1 }, "no dot, dollar, space or control"],
  ["a dollar", { a: { $b: 1 } }, "reported.a has the key"],
  ["a space", { "a b": 1 }, "no dot"],
  ["a control character", { "a\u0085": 1 }, "control character"],
  ["a key of over 1 KB", { ["k".repeat(1025)]: 1 }, "longer than 1024"],
  ["a text of over 4 KB", { a: "x".repeat(4097) }, "4097 bytes"],
  ["eleven levels", deep(10), "deeper than 10"],
  ["a number past the range", { a: 4503599627370496 }, "is outside"],
  ["a negative one", { a: -4503599627370497 }, "is outside"],
  ["1e400", '{"a":1e400}', "not a finite number"],
])("refused with 400 and errorCode: %s", (_what, patch, why) => {
  const { world, device } = open();
  const { topic, body } = report(device, "r1", patch);
  expect(topic).toBe("$iothub/twin/res/400/?$rid=r1");
  expect(JSON.parse(body)).toMatchObject({
    errorCode: 400004,
    message: expect.stringContaining(why),
    trackingId: expect.any(String),
    timestampUtc: "2026-11-20T12:00:00.000Z",
  });
  expect(world.hub.twins.read(name).properties.reported.$version).toBe(1);
  expect(device.isClosed).toBe(false);
});

test("at the limits: ten levels, 4 KB, 1 KB keys, the largest integers, 32 KB and not one byte more", () => {
  const { world, device } = open();
  const good = { ...deep(9), ["k".repeat(1024)]: "x".repeat(4096), a: 4503599627370495 };
  expect(report(device, "1", good).topic).toContain("/204/");
  expect(report(device, "2", '{"__proto__":{"polluted":1}}').topic).toContain("/204/");
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  const filler: Record<string, string> = {};
  for (let index = 0; index < 8; index += 1) filler[`f${index}`] = "x".repeat(4094);
  const world2 = open();
  expect(report(world2.device, "3", filler).topic).toContain("/204/");
  const over = report(world2.device, "4", { g: true });
  expect(over.topic).toContain("/400/");
  expect(JSON.parse(over.body).message).toContain("32773 bytes, the limit is 32768");
  expect(() =>
    world.hub.twins.patch(name, { tags: { a: "x".repeat(4096), b: "x".repeat(4095) } }),
  ).toThrow("tags would take 8193 bytes");
});

test("throttled reads and updates are answered with 429", () => {
  const { world, device } = open({ enforceThrottles: true });
  for (let count = 0; count < 51; count += 1) report(device, String(count), { count });
  expect(report(device, "last", { a: 1 }).topic).toBe("$iothub/twin/res/429/?$rid=last");
  world.clock.runFor(1000);
  expect(report(device, "later", { a: 1 }).topic).toContain("/204/");
});

test("an answer to a device that did not subscribe is lost, with a word in the log", () => {
  const world = hubWorld();
  const device = connect(world, "d");
  device.publish("$iothub/twin/GET/?$rid=1");
  expect(device.messages("$iothub/")).toEqual([]);
  expect(world.hub.log.entries().at(-1)!.text).toContain("no subscription");
});
