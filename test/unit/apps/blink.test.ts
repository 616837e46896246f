// Blink in Node: the LED follows the desired period and is reported.
import { expect, test } from "vitest";
import { startBlink } from "../../../firmware/apps/blink/app.ts";
import { NodePlatform } from "../../../host-tools/sim/node-platform.ts";
import { World } from "../../../host-tools/sim/world.ts";
import { deviceConnection, ScriptedHub } from "../../support/scripted-hub.ts";

test("blinks as the cloud wants", () => {
  const world = new World({ seed: 1 });
  const hub = new ScriptedHub(world);
  const platform = new NodePlatform(world, { name: "dev1" });
  platform.storage.write("hub.conn", new TextEncoder().encode(deviceConnection));
  const flips: number[] = [];
  startBlink(platform, () => flips.push(world.clock.nowMs));
  world.clock.runFor(10_000);
  expect(flips).toEqual([2500, 5000, 7500, 10_000]);
  hub.patchDesired({ periodMs: 400 });
  world.clock.runFor(2000);
  expect(flips.length).toBeGreaterThan(4 + 8);
  expect(hub.reported).toMatchObject({ periodMs: { value: 400, ac: 200, av: 2 } });
  expect(typeof hub.reported.led).toBe("boolean");
});
