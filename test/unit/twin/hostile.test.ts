// Whatever arrives on twin topics: the device stays connected, keeps its values, and recovers.
import { beforeEach, describe, expect, test } from "vitest";
import { SeededRandom } from "../../../host-tools/sim/seeded-random.ts";
import { World } from "../../../host-tools/sim/world.ts";
import { ScriptedHub } from "../../support/scripted-hub.ts";
import { Rig } from "../../support/thermo.ts";

let rig: Rig;

beforeEach(async () => {
  rig = new Rig().start();
  await rig.run(2000);
});

const bombs: [string, string][] = [
  ["nothing", ""],
  ["no object", "[]"],
  ["text", '"target"'],
  ["cut short", '{"target":'],
  ["cut in a name", '{"targ'],
  ["cut in an escape", '{"a":"\\'],
  ["no comma", '{"$version":2 "target":18}'],
  ["no colon", '{"$version",2}'],
  ["more behind the end", '{"$version":2}x'],
  ["unquoted name", '{target:18,"$version":2}'],
  ["deep arrays", `{"$version":2,"x":${"[".repeat(8000)}${"]".repeat(8000)}}`],
  ["deep objects", `{"$version":2,"x":${'{"a":'.repeat(2000)}1${"}".repeat(2000)}}`],
  ["deep and open", `{"$version":2,"target":${"[".repeat(8000)}`],
  ["version of a wrong type", '{"$version":"2","target":18}'],
  ["version 0", '{"$version":0,"target":18}'],
  ["version a fraction", '{"$version":2.5,"target":18}'],
  ["version huge", '{"$version":1e300,"target":18}'],
];

test.each(bombs)("a notification that is %s makes the device fetch the twin", async (_, body) => {
  rig.hub.desiredVersion = 2;
  rig.hub.notify(2, body);
  await rig.run(30_000);
  expect(rig.device.connection.state).toBe("connected");
  expect(rig.device.get("target")).toBe(21);
  expect(rig.hub.gets).toBe(2);
  rig.hub.patchDesired({ target: 18 });
  await rig.run(1000);
  expect(rig.device.get("target")).toBe(18);
});

const values: [string, string][] = [
  ["wide array", `[${"0,".repeat(3000)}0]`],
  ["many objects", `[${"{},".repeat(3000)}{}]`],
  ["wide object", `{${Array.from({ length: 500 }, (_, i) => `"k${i}":${i}`).join()}}`],
  ["long text", `"${"x".repeat(8000)}"`],
  ["prototype", '{"__proto__":{"room":"x","floor":1}}'],
  ["text for a number", '"18"'],
  ["boolean", "true"],
  ["bad literal", "nul"],
  ["number overflow", "1e999"],
  ["lone surrogate", '"\\ud800"'],
];

describe.each(values)("a desired value that is a %s", (_, value) => {
  test.each(["target", "mode", "place"])("is refused for %s", async (name) => {
    rig.hub.notify(2, `{"${name}":${value},"$version":2}`);
    await rig.run(1000);
    expect(rig.hub.reported[name]).toMatchObject({ ac: 400, av: 2 });
    expect(rig.applied).toHaveLength(1);
    expect(({} as Record<string, unknown>).room).toBeUndefined();
  });
});

test("bad UTF-8 in names and values", async () => {
  const head = Buffer.from('{"$version":2,"mode":"');
  rig.hub.send(
    "$iothub/twin/PATCH/properties/desired/?$version=2",
    Buffer.concat([head, Buffer.from([0xc0, 0xff]), Buffer.from('"}')]),
  );
  await rig.run(1000);
  expect(rig.hub.reported.mode).toMatchObject({ ac: 400 });
  rig.hub.send(
    "$iothub/twin/PATCH/properties/desired/?$version=3",
    Buffer.concat([Buffer.from('{"'), Buffer.from([0xc0]), Buffer.from('":1}')]),
  );
  await rig.run(30_000);
  expect(rig.device.connection.state).toBe("connected");
});

test("names written with escapes are the same names", async () => {
  rig.hub.notify(2, '{"\\u0074arget":18,"$versio\\u006e":2}');
  await rig.run(1000);
  expect(rig.device.get("target")).toBe(18);
});

test("a twin document that cannot be read is asked for again, ever more slowly", async () => {
  rig.hub.twinBody = '{"desired":{"target":29,"$version":9},"reported":{';
  rig.hub.drop();
  await rig.run(3_600_000);
  expect(rig.device.connection.state).toBe("connected");
  expect(rig.device.get("target")).toBe(21);
  expect(rig.hub.gets).toBeGreaterThan(20);
  expect(rig.hub.gets).toBeLessThan(80);
  rig.hub.twinBody = undefined;
  await rig.run(180_000);
  expect(rig.device.twin.isConverged).toBe(true);
});

test("a huge twin document is refused and named, the device works on", async () => {
  const big = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`k${i}`, "x".repeat(90)]));
  rig.hub.twinBody = JSON.stringify({ desired: { ...big, $version: 9 }, reported: {} });
  rig.hub.drop();
  await rig.run(120_000);
  expect(rig.device.connection.state).toBe("connected");
  expect(rig.log.join()).toContain("too large");
  rig.device.report({ uptime: 3 });
  await rig.run(1000);
  expect(rig.hub.reported.uptime).toBe(3);
});

test("foreign properties of 10 KB beside ours are skipped, not built", async () => {
  rig.hub.patchDesired({ other: Array.from({ length: 1000 }, (_, i) => i), target: 18 });
  await rig.run(1000);
  expect(rig.device.get("target")).toBe(18);
});

test("acknowledgements in a strange shape are overwritten", async () => {
  rig.hub.reported = { target: [1, 2], mode: { value: {} }, serial: { a: { b: "x" } } };
  rig.device.report({ serial: "S1" });
  rig.hub.drop();
  await rig.run(60_000);
  expect(rig.hub.reported).toMatchObject({
    target: { value: 21, ac: 203, av: 0 },
    serial: "S1",
  });
});

test("random bytes and random mutations never break the device", async () => {
  const seed = 20_261_120;
  const random = new SeededRandom(seed);
  const world = new World({ seed });
  const hub = new ScriptedHub(world);
  const fuzzed = new Rig({ world, hub }).start();
  await fuzzed.run(2000);
  const topics = [
    "$iothub/twin/PATCH/properties/desired/?$version=5",
    "$iothub/twin/PATCH/properties/desired/",
    "$iothub/twin/res/200/?$rid=2",
    "$iothub/twin/res/",
    "$iothub/methods/POST/echo/?$rid=1",
    "$iothub/methods/POST/reboot/?$rid=1%00",
    "$iothub/methods/POST//?$rid=",
    "devices/dev1/messages/devicebound/%24.mid=1",
    "devices/dev1/messages/devicebound/%zz",
  ];
  const seedTexts = [
    '{"desired":{"target":18,"place":{"room":"a","floor":1},"$version":5},"reported":{}}',
    '{"target":18,"place":{"room":"a","floor":1},"$version":5}',
    '"hello"',
  ];
  for (let i = 0; i < 2000; i++) {
    const bytes = Buffer.from(seedTexts[random.int(0, 2)]!);
    for (let flips = random.int(0, 6); flips > 0; flips--) {
      bytes[random.int(0, bytes.length - 1)] = random.int(0, 255);
    }
    const cut = random.int(0, 4) === 0 ? random.int(0, bytes.length) : bytes.length;
    hub.send(topics[random.int(0, topics.length - 1)]!, bytes.subarray(0, cut));
    if (i % 50 === 0) await fuzzed.run(5000);
  }
  await fuzzed.run(60_000);
  hub.drop();
  await fuzzed.run(600_000);
  const text = `seed ${seed}`;
  expect(fuzzed.device.connection.state, text).toBe("connected");
  expect(fuzzed.device.twin.isConverged, text).toBe(true);
  expect(fuzzed.device.get("target"), text).toBe(21);
  expect(fuzzed.device.counters.handlerErrors, text).toBe(0);
});
