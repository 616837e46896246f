// Reported properties and GET against a scripted hub: merging, resending, throttling, refusals, limits.
import { describe, expect, test } from "vitest";
import { World } from "../../../host-tools/sim/world.ts";
import { ScriptedHub } from "../../support/scripted-hub.ts";
import { Rig } from "../../support/thermo.ts";

async function connected(options = {}): Promise<Rig> {
  const rig = new Rig(options).start();
  await rig.run(2000);
  return rig;
}

describe("reported properties", () => {
  test("reports made together, or while a PATCH is under way, are merged", async () => {
    const rig = await connected();
    const before = rig.hub.patches.length;
    for (let i = 1; i <= 20; i++) rig.device.report({ uptime: i });
    rig.device.report({ serial: "S1" });
    await rig.run(1);
    for (let i = 21; i <= 40; i++) rig.device.report({ uptime: i });
    await rig.run(1000);
    expect(rig.hub.patches.slice(before)).toEqual([{ serial: "S1", uptime: 20 }, { uptime: 40 }]);
  });

  test("what the hub holds already is not sent", async () => {
    const rig = await connected();
    rig.device.report({ uptime: 1 });
    await rig.run(1000);
    const before = rig.hub.patches.length;
    rig.device.report({ uptime: 1 });
    await rig.run(1000);
    expect(rig.hub.patches).toHaveLength(before);
  });

  test("reports made before the first connection are sent with it", async () => {
    const rig = new Rig();
    rig.device.report({ serial: "S1" });
    rig.start();
    await rig.run(2000);
    expect(rig.hub.reported.serial).toBe("S1");
    expect(rig.hub.patches).toHaveLength(1);
    expect(rig.device.twin.isConverged).toBe(true);
  });

  test.each(["lose", "loseAnswer", 429, 500] as const)(
    "resent until acknowledged: %s",
    async (fate) => {
      const rig = await connected();
      let failures = 0;
      rig.hub.fateOfPatch = () => (failures++ < 3 ? fate : undefined);
      rig.device.report({ uptime: 7 });
      await rig.run(1000);
      rig.device.report({ serial: "late" });
      await rig.run(120_000);
      expect(failures).toBeGreaterThanOrEqual(4);
      expect(rig.hub.reported).toMatchObject({ uptime: 7, serial: "late" });
      expect(rig.device.twin.counters.retries).toBe(3);
      expect(rig.device.twin.isConverged).toBe(true);
    },
  );

  test("throttling is answered by waiting longer and longer", async () => {
    const rig = await connected();
    const times: number[] = [];
    rig.hub.fateOfPatch = () => {
      times.push(rig.world.clock.nowMs);
      return 429;
    };
    rig.device.report({ uptime: 7 });
    await rig.run(3_600_000);
    const gaps = times.slice(1).map((time, i) => time - times[i]!);
    expect(gaps.length).toBeGreaterThan(20);
    expect(gaps.length).toBeLessThan(80);
    expect(Math.max(...gaps)).toBeLessThan(125_000);
    expect(gaps[6]).toBeGreaterThan(20_000);
  });

  test("a report the hub refuses for good is not repeated", async () => {
    const rig = await connected();
    let patches = 0;
    rig.hub.fateOfPatch = () => {
      patches++;
      return 400;
    };
    rig.device.report({ uptime: 7 });
    await rig.run(600_000);
    expect(patches).toBe(1);
    expect(rig.device.twin.counters.refused).toBe(1);
    rig.hub.fateOfPatch = () => undefined;
    rig.device.report({ uptime: 8 });
    await rig.run(1000);
    expect(rig.hub.reported.uptime).toBe(8);
  });

  test("a connection lost in the middle of a PATCH repeats it on the next one", async () => {
    const rig = await connected();
    rig.hub.fateOfPatch = () => {
      rig.hub.drop();
      return "lose";
    };
    rig.device.report({ uptime: 7 });
    await rig.run(1000);
    rig.hub.fateOfPatch = () => undefined;
    await rig.run(60_000);
    expect(rig.hub.reported.uptime).toBe(7);
  });

  test("an answer to a request given up is ignored", async () => {
    const rig = await connected();
    rig.hub.send("$iothub/twin/res/204/?$rid=999&$version=5", "");
    rig.hub.send("$iothub/twin/res/200/?$rid=1", '{"desired":{"target":29,"$version":50}}');
    rig.hub.send("$iothub/twin/res/200/?", "");
    rig.hub.send("$iothub/twin/res/what/?$rid=x", "");
    await rig.run(1000);
    expect(rig.device.get("target")).toBe(21);
    expect(rig.device.twin.isConverged).toBe(true);
  });
});

describe("limits", () => {
  test("a report is checked before any of it is taken", async () => {
    const rig = await connected();
    const report = (values: object) => () => rig.device.report(values);
    expect(report({ uptime: 1, serial: 5 })).toThrow("report: serial is not a string");
    expect(report({ serial: "x".repeat(4097) })).toThrow("serial is longer than 4096");
    expect(report({ uptime: 1.5 })).toThrow("report: uptime 1.5 is not an integer");
    expect(report({ serial: "ü".repeat(2049) })).toThrow("serial is larger than 4096 bytes");
    expect(report({ humidity: 1 })).toThrow("the model has no property humidity");
    expect(report({ target: 99 })).toThrow("report: target 99 is above the maximum 30");
    expect(report({ uptime: Number.NaN })).toThrow("not a finite number");
    const before = rig.hub.patches.length;
    await rig.run(1000);
    expect(rig.hub.patches).toHaveLength(before);
  });
});

describe("GET", () => {
  test.each(["lose", 429, 500, 400] as const)("is repeated when it fails: %s", async (fate) => {
    const world = new World({ seed: 4 });
    const hub = new ScriptedHub(world);
    hub.desired = { target: 15 };
    hub.fateOfGet = () => (hub.gets <= 3 ? fate : undefined);
    const rig = await connected({ world, hub });
    await rig.run(120_000);
    expect(rig.device.get("target")).toBe(15);
    expect(hub.gets).toBe(4);
    expect(rig.device.twin.isConverged).toBe(true);
  });

  test("reports go out even if the twin cannot be fetched", async () => {
    const world = new World({ seed: 5 });
    const hub = new ScriptedHub(world);
    hub.fateOfGet = () => 500;
    const rig = await connected({ world, hub });
    rig.device.report({ serial: "S1" });
    await rig.run(60_000);
    expect(hub.reported.serial).toBe("S1");
    expect(rig.log.join()).toContain("twin: GET answered 500");
  });
});
