// Desired properties against a scripted hub: boots, changes, gaps, stale versions, reconnects.
import { describe, expect, test } from "vitest";
import { World } from "../../../host-tools/sim/world.ts";
import { ScriptedHub } from "../../support/scripted-hub.ts";
import { Rig } from "../../support/thermo.ts";

const ack = (value: unknown, ac: number, av: number, ad?: string) => ({
  value,
  ac,
  av,
  ...(ad !== undefined && { ad }),
});

async function connected(options = {}): Promise<Rig> {
  const rig = new Rig(options).start();
  await rig.run(2000);
  return rig;
}

describe("desired properties", () => {
  test("without desired values the defaults are reported with 203 and version 0", async () => {
    const rig = await connected();
    expect(rig.applied).toEqual([["target", 21, 0]]);
    expect(rig.hub.reported).toEqual({ target: ack(21, 203, 0, "default") });
    expect(rig.device.get("target")).toBe(21);
    expect(rig.device.get("mode")).toBeUndefined();
  });

  test("values present at boot are applied once and acknowledged", async () => {
    const world = new World({ seed: 2 });
    const hub = new ScriptedHub(world);
    hub.desired = { target: 25, mode: "cool", place: { room: "attic", floor: 3 } };
    hub.desiredVersion = 7;
    const rig = await connected({ world, hub });
    expect(rig.applied).toEqual([
      ["target", 21, 0],
      ["target", 25, 7],
      ["mode", "cool", 7],
      ["place", { room: "attic", floor: 3 }, 7],
    ]);
    expect(rig.hub.reported).toEqual({
      target: ack(25, 200, 7),
      mode: ack("cool", 200, 7),
      place: ack({ room: "attic", floor: 3 }, 200, 7),
    });
    expect(rig.hub.patches).toHaveLength(1);
  });

  test("a change is applied and acknowledged with its version", async () => {
    const rig = await connected();
    rig.hub.patchDesired({ target: 18 });
    await rig.run(1000);
    expect(rig.applied.at(-1)).toEqual(["target", 18, 2]);
    expect(rig.hub.reported.target).toEqual(ack(18, 200, 2));
    expect(rig.device.get("target")).toBe(18);
    expect(rig.hub.gets).toBe(1);
  });

  test("the same value again is acknowledged but not applied again", async () => {
    const rig = await connected();
    rig.hub.patchDesired({ target: 18 });
    await rig.run(1000);
    rig.hub.patchDesired({ target: 18 });
    await rig.run(1000);
    expect(rig.applied.filter(([, value]) => value === 18)).toHaveLength(1);
    expect(rig.hub.reported.target).toEqual(ack(18, 200, 3));
  });

  test("an application may ask for every version", async () => {
    const rig = await connected({ device: { repeatsDesired: true } });
    rig.hub.patchDesired({ target: 18 });
    rig.hub.patchDesired({ target: 18 });
    await rig.run(1000);
    expect(rig.applied.slice(1)).toEqual([
      ["target", 18, 2],
      ["target", 18, 3],
    ]);
  });

  test("a partial change of an object is merged into what was asked before", async () => {
    const rig = await connected();
    rig.hub.patchDesired({ place: { room: "attic", floor: 3 } });
    rig.hub.patchDesired({ place: { floor: 4 } });
    await rig.run(1000);
    expect(rig.device.get("place")).toEqual({ room: "attic", floor: 4 });
    expect(rig.hub.reported.place).toEqual(ack({ room: "attic", floor: 4 }, 200, 3));
  });

  test("a deleted value gives way to the default, or to nothing", async () => {
    const rig = await connected();
    rig.hub.patchDesired({ target: 18, mode: "heat" });
    await rig.run(1000);
    rig.hub.patchDesired({ target: null, mode: null });
    await rig.run(1000);
    expect(rig.applied.at(-1)).toEqual(["target", 21, 0]);
    expect(rig.device.get("mode")).toBeUndefined();
    expect(rig.hub.reported).toEqual({ target: ack(21, 203, 0, "default") });
  });

  test("values outside the model are refused by name and reason; the old value stays", async () => {
    const rig = await connected();
    rig.hub.patchDesired({ target: 99, mode: "dry", place: { room: "attic" } });
    await rig.run(1000);
    expect(rig.applied).toEqual([["target", 21, 0]]);
    expect(rig.hub.reported).toEqual({
      target: ack(21, 400, 2, "99 is above the maximum 30"),
      mode: { ac: 400, av: 2, ad: "is not one of heat, cool" },
      place: { ac: 400, av: 2, ad: 'lacks the field "floor"' },
    });
    rig.hub.patchDesired({ target: 20 });
    await rig.run(1000);
    expect(rig.hub.reported.target).toEqual(ack(20, 200, 3));
  });

  test("a handler may refuse; the refusal is not repeated on reconnect", async () => {
    const rig = await connected();
    rig.hub.patchDesired({ target: 13 });
    await rig.run(1000);
    expect(rig.hub.reported.target).toEqual(ack(21, 409, 2, "unlucky"));
    const patches = rig.hub.patches.length;
    rig.hub.drop();
    await rig.run(60_000);
    expect(rig.hub.connects).toBe(2);
    expect(rig.applied.filter(([, value]) => value === 13)).toHaveLength(1);
    expect(rig.hub.patches).toHaveLength(patches);
  });

  test("a handler that throws stays local: 500, named in the log, others applied", async () => {
    const rig = await connected({
      device: {
        desired: {
          target: () => {
            throw new Error("no relay");
          },
        },
      },
    });
    rig.hub.patchDesired({ target: 18, mode: "cool" });
    await rig.run(1000);
    expect(rig.hub.reported).toEqual({
      target: ack(21, 500, 2, "no relay"),
      mode: ack("cool", 200, 2),
    });
    expect(rig.log).toContain("error: desired property target failed: no relay");
    expect(rig.device.connection.state).toBe("connected");
  });

  test("an asynchronous handler is in progress until it ends", async () => {
    let finish = (_: undefined) => {};
    const slowly = () => new Promise<undefined>((resolve) => (finish = resolve));
    const rig = await connected({ device: { desired: { mode: slowly } } });
    rig.hub.patchDesired({ mode: "cool" });
    await rig.run(1000);
    expect(rig.hub.reported.mode).toEqual({ ac: 202, av: 2 });
    finish(undefined);
    await rig.run(1000);
    expect(rig.hub.reported.mode).toEqual(ack("cool", 200, 2));
    rig.hub.patchDesired({ mode: "heat" });
    await rig.run(1000);
    const finishOld = finish;
    rig.hub.patchDesired({ mode: "cool" });
    await rig.run(1000);
    finishOld(undefined);
    await rig.run(1000);
    expect(rig.device.get("mode")).toBe("cool");
    expect(rig.hub.reported.mode).toEqual(ack("cool", 202, 4));
    finish(undefined);
    await rig.run(1000);
    expect(rig.device.get("mode")).toBe("cool");
    expect(rig.hub.reported.mode).toEqual(ack("cool", 200, 4));
  });

  test("names of other components are none of our business", async () => {
    const rig = await connected();
    rig.hub.patchDesired({ deviceUpdate: { service: {} }, serial: "hack", constructor: 1 });
    await rig.run(1000);
    expect(rig.applied).toHaveLength(1);
    expect(rig.hub.reported).toEqual({ target: ack(21, 203, 0, "default") });
  });

  test("a change the device made itself wins until the cloud speaks again", async () => {
    const rig = await connected();
    rig.hub.patchDesired({ target: 18 });
    await rig.run(1000);
    rig.device.report({ target: 23 });
    await rig.run(1000);
    expect(rig.hub.reported.target).toEqual(ack(23, 203, 0, "set by the device"));
    rig.hub.drop();
    await rig.run(60_000);
    expect(rig.device.get("target")).toBe(23);
    rig.hub.patchDesired({ target: 18 });
    await rig.run(1000);
    expect(rig.device.get("target")).toBe(18);
    expect(rig.hub.reported.target).toEqual(ack(18, 200, 3));
  });
});

describe("versions", () => {
  test("a missed notification is repaired by a GET", async () => {
    const rig = await connected();
    rig.hub.fateOfNotification = () => "lose";
    rig.hub.patchDesired({ target: 17 });
    rig.hub.fateOfNotification = () => undefined;
    rig.hub.patchDesired({ mode: "cool" });
    await rig.run(1000);
    expect(rig.hub.gets).toBe(2);
    expect(rig.device.twin.counters.gaps).toBe(1);
    expect(rig.device.get("target")).toBe(17);
    expect(rig.device.get("mode")).toBe("cool");
  });

  test("changes made while offline arrive with the next connection", async () => {
    const rig = await connected();
    rig.world.network.cut("dev1");
    rig.hub.drop();
    await rig.run(5000);
    rig.hub.patchDesired({ target: 17 });
    rig.hub.patchDesired({ target: 16 });
    rig.world.network.restore("dev1");
    await rig.run(600_000);
    expect(rig.applied.slice(1)).toEqual([["target", 16, 3]]);
  });

  test("old notifications do not bring old values back", async () => {
    const rig = await connected();
    rig.hub.patchDesired({ target: 17 });
    rig.hub.patchDesired({ target: 18 });
    await rig.run(1000);
    rig.hub.notify(2, '{"target":17,"$version":2}');
    rig.hub.notify(3, '{"target":29,"$version":3}');
    await rig.run(1000);
    expect(rig.device.get("target")).toBe(18);
    expect(rig.device.twin.counters.stale).toBe(2);
  });

  test("a GET answer overtaken by a change is not applied", async () => {
    const world = new World({ seed: 3 });
    const hub = new ScriptedHub(world);
    let isFirst = true;
    hub.fateOfGet = () => {
      if (!isFirst) return undefined;
      isFirst = false;
      const old = JSON.stringify({ desired: { target: 10, $version: 1 }, reported: {} });
      hub.patchDesired({ target: 19 });
      hub.send("$iothub/twin/res/200/?$rid=1", old);
      return "loseAnswer";
    };
    const rig = await connected({ world, hub });
    expect(rig.applied).toEqual([
      ["target", 21, 0],
      ["target", 19, 2],
    ]);
  });

  test("a twin made anew is believed although its version went back", async () => {
    const rig = await connected();
    rig.hub.patchDesired({ target: 17 });
    await rig.run(1000);
    rig.hub.desired = { target: 9 };
    rig.hub.desiredVersion = 1;
    rig.hub.reported = {};
    rig.hub.drop();
    await rig.run(60_000);
    expect(rig.device.get("target")).toBe(9);
    expect(rig.hub.reported).toEqual({ target: ack(9, 200, 1) });
    expect(rig.log.join()).toContain("version went back from 2 to 1");
  });

  test("a reconnect without changes costs one GET and no PATCH", async () => {
    const rig = await connected();
    rig.hub.patchDesired({ target: 17 });
    rig.device.report({ serial: "S1" });
    await rig.run(1000);
    const { applied } = rig;
    const before = [applied.length, rig.hub.patches.length];
    rig.hub.drop();
    await rig.run(60_000);
    expect(rig.hub.gets).toBe(2);
    expect([applied.length, rig.hub.patches.length]).toEqual(before);
  });
});
