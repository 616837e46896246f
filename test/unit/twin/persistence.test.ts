// The last desired state survives power cuts: devices boot offline with it, and damaged stores are ignored.
import { expect, test } from "vitest";
import { MemoryKeyValue } from "../../../host-tools/sim/storage.ts";
import { World } from "../../../host-tools/sim/world.ts";
import { ScriptedHub } from "../../support/scripted-hub.ts";
import { Rig } from "../../support/thermo.ts";

const key = "twin.desired";
const bytes = (text: string) => new TextEncoder().encode(text);

async function firstLife(patch: Record<string, unknown>) {
  const world = new World({ seed: 1 });
  const hub = new ScriptedHub(world);
  const rig = new Rig({ world, hub }).start();
  await rig.run(2000);
  hub.patchDesired(patch);
  await rig.run(20_000);
  rig.board.powerOff();
  return { world, hub, persistent: rig.board.persistent };
}

test("an offline boot applies the last desired state before any connection", async () => {
  const { world, hub, persistent } = await firstLife({ target: 18, mode: "cool" });
  world.network.cut("dev1");
  const rig = new Rig({ world, hub, persistent }).start();
  expect(rig.applied).toEqual([
    ["target", 18, 0],
    ["mode", "cool", 0],
  ]);
  await rig.run(60_000);
  expect(rig.device.get("target")).toBe(18);
  expect(rig.device.connection.counters.connects).toBe(0);
});

test("a boot with an unchanged twin calls no handler twice and sends no PATCH", async () => {
  const { world, hub, persistent } = await firstLife({ target: 18 });
  hub.patchDesired({ mode: "heat" });
  const patches = hub.patches.length;
  const rig = new Rig({ world, hub, persistent }).start();
  await rig.run(2000);
  expect(rig.applied).toEqual([
    ["target", 18, 0],
    ["mode", "heat", 3],
  ]);
  expect(hub.patches).toHaveLength(patches + 1);
  await rig.run(20_000);
  rig.board.powerOff();
  const third = new Rig({ world, hub, persistent }).start();
  await third.run(2000);
  expect(third.applied).toEqual([
    ["target", 18, 0],
    ["mode", "heat", 0],
  ]);
  expect(hub.patches).toHaveLength(patches + 1);
});

test("a refused value leaves the one before it in effect, also after a power cut", async () => {
  const first = await firstLife({ target: 18 });
  const { world, hub, persistent } = first;
  const second = new Rig({ world, hub, persistent }).start();
  await second.run(2000);
  hub.patchDesired({ target: 13 });
  await second.run(20_000);
  second.board.powerOff();
  world.network.cut("dev1");
  const rig = new Rig({ world, hub, persistent }).start();
  expect(rig.applied).toEqual([["target", 18, 0]]);
  world.network.restore("dev1");
  await rig.run(120_000);
  expect(hub.reported.target).toEqual({ value: 18, ac: 409, av: 3, ad: "unlucky" });
});

test("an acknowledgement lost with the power is sent after the next boot", async () => {
  const { world, hub, persistent } = await firstLife({ mode: "cool" });
  const rig = new Rig({ world, hub, persistent }).start();
  await rig.run(2000);
  hub.fateOfPatch = () => "lose";
  hub.patchDesired({ target: 19 });
  await rig.run(15_000);
  rig.board.powerOff();
  hub.fateOfPatch = () => undefined;
  const next = new Rig({ world, hub, persistent }).start();
  await next.run(2000);
  expect(hub.reported.target).toEqual({ value: 19, ac: 200, av: 3 });
});

const damaged: [string, string][] = [
  ["empty", ""],
  ["not JSON", "\u0000\u0001\u0002garbage"],
  ["cut short", '{"$version":2,"target":18'],
  ["no version", '{"target":18}'],
  ["version of a wrong type", '{"$version":"2","target":18}'],
  ["another shape", "[1,2,3]"],
  ["deep", `{"$version":2,"target":${"[".repeat(3000)}`],
];

test.each(damaged)("a damaged store is ignored: %s", async (_, text) => {
  const { world, hub, persistent } = await firstLife({ target: 18 });
  persistent.storage.write(key, bytes(text));
  const rig = new Rig({ world, hub, persistent }).start();
  expect(rig.applied.every(([, value]) => value === 21 || value === 18)).toBe(true);
  await rig.run(2000);
  expect(rig.device.get("target")).toBe(18);
  expect(hub.reported.target).toMatchObject({ value: 18, ac: 200 });
});

test("damage in the middle of a stored text is found by the model", async () => {
  const { world, hub, persistent } = await firstLife({ target: 18 });
  persistent.storage.write(key, bytes('{"$version":2,"target":1e9,"mode":"xx"}'));
  world.network.cut("dev1");
  const rig = new Rig({ world, hub, persistent }).start();
  expect(rig.applied).toEqual([]);
  expect(rig.device.get("target")).toBe(21);
});

test("a store that is too small keeps nothing, says so, and the device goes on", async () => {
  const world = new World({ seed: 1 });
  const hub = new ScriptedHub(world);
  const storage = new MemoryKeyValue(200);
  const { flash } = new Rig({ world, hub, isProvisioned: false }).board.persistent;
  const rig = new Rig({ world, hub, persistent: { storage, flash } }).start();
  await rig.run(2000);
  hub.patchDesired({ target: 18 });
  await rig.run(20_000);
  expect(storage.read(key)).toBeDefined();
  Object.defineProperty(storage, "valueBytesMax", { value: 10 });
  hub.patchDesired({ target: 19 });
  await rig.run(20_000);
  expect(storage.read(key)).toBeUndefined();
  expect(rig.log.join()).toContain("desired state is not kept for offline boots");
  expect(rig.device.get("target")).toBe(19);
});

test("a store that fails to read does not stop the device", async () => {
  const { world, hub, persistent } = await firstLife({ target: 18 });
  const { storage } = persistent;
  const read = storage.read.bind(storage);
  storage.read = (name) => {
    if (name === key) throw new Error("flash is worn out");
    return read(name);
  };
  const rig = new Rig({ world, hub, persistent }).start();
  await rig.run(2000);
  expect(rig.log).toContain("warn: stored desired state cannot be read: flash is worn out");
  expect(rig.device.get("target")).toBe(18);
});

test("a busy cloud does not wear the flash out", async () => {
  const world = new World({ seed: 1 });
  const hub = new ScriptedHub(world);
  const rig = new Rig({ world, hub }).start();
  await rig.run(2000);
  const before = rig.board.storage.writes;
  for (let i = 0; i < 100; i++) {
    hub.patchDesired({ target: 10 + (i % 10) });
    await rig.run(1000);
  }
  await rig.run(20_000);
  expect(rig.board.storage.writes - before).toBeLessThanOrEqual(12);
  const stored = new TextDecoder().decode(rig.board.storage.read(key));
  expect(JSON.parse(stored)).toEqual({ $version: 101, target: 19 });
});
