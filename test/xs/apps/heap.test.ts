// Memory of the apps on a board, against the real hub core: what their modules take, what their lives take.
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { compileApp } from "../../../host-tools/engine/app.ts";
import { ensureEngine } from "../../../host-tools/engine/ensure.ts";
import type { Hub } from "../../../host-tools/hub/core/hub.ts";
import { NodePlatform } from "../../../host-tools/sim/node-platform.ts";
import { groupCredentials, writeEntries } from "../../../host-tools/sim/provision.ts";
import { MemoryKeyValue, NorFlash } from "../../../host-tools/sim/storage.ts";
import { World } from "../../../host-tools/sim/world.ts";
import { createWorldHub, worldDpsHost } from "../../../host-tools/sim/world-hub.ts";
import { XsBoard } from "../../../host-tools/sim/xs-board.ts";

const appDir = (name: string) =>
  fileURLToPath(new URL(`../../../firmware/apps/${name}`, import.meta.url));
/** All slots and chunks of a small board, were nothing in flash, and what of them the running app may keep. */
const boardBytes = 65_536;
const runningBytesMax = 32_768;
const deviceId = "thermostat-1";
const telemetryIntervalMs = 5000;

function provisioned(world: World, hub: Hub) {
  const group = hub.enrollments.putGroup("fleet", { attestation: { type: "symmetricKey" } });
  if (group.attestation.type !== "symmetricKey") throw new Error("no symmetric key");
  const storage = new MemoryKeyValue();
  const platform = () =>
    new NodePlatform(world, {
      name: deviceId,
      persistent: { storage, flash: new NorFlash(16 * 4096) },
    });
  writeEntries(
    storage,
    groupCredentials(
      platform().digest,
      {
        dpsHost: worldDpsHost,
        idScope: hub.enrollments.idScope,
        groupKey: group.attestation.symmetricKey.primaryKey,
      },
      deviceId,
    ),
  );
  return platform;
}

test("the thermostat's modules and its life fit a small board together", async () => {
  const engine = await ensureEngine();
  const app = await compileApp(engine, appDir("thermostat"));
  const world = new World({ seed: 11 });
  const hub = createWorldHub(world);
  const createWorld = provisioned(world, hub);
  const board = new XsBoard({ engine, app, createWorld, log: () => {} });
  board.powerOn();
  const steps: [string, number][] = [];
  const live = (step: string) => {
    board.board?.collectGarbage();
    expect(board.board?.status).toEqual({ state: "running" });
    steps.push([step, board.heap()?.running.bytes ?? Infinity]);
  };
  live("started");
  world.clock.runFor(2000);
  live("connecting");
  world.clock.runFor(58_000);
  live("connected");
  expect(hub.registry.find({ deviceId })).toBeDefined();
  hub.twins.patch({ deviceId }, { desired: { targetTemperature: 24.5 } });
  world.clock.runFor(10_000);
  live("twin patched");
  const answer = hub.methods.invoke({ deviceId }, { methodName: "getMaxMinReport" });
  world.clock.runFor(1000);
  expect((await answer).status).toBe(200);
  live("method answered");
  world.network.cut(deviceId);
  world.clock.runFor(60 * telemetryIntervalMs);
  live("offline, queue full");
  world.network.restore(deviceId);
  world.clock.runFor(300_000);
  live("back online");
  const use = board.heap();
  if (!use) throw new Error("no board");
  const most = Math.max(...steps.map(([, bytes]) => bytes));
  process.stdout.write(
    `thermostat heap in bytes: engine baseline ${use.baseline.bytes}, loaded ${use.loaded.bytes}, running ${most}\n` +
      `  ${steps.map(([step, bytes]) => `${step} ${bytes}`).join(", ")}; garbage included ${use.running.bytesPeak}\n`,
  );
  expect(most).toBeLessThanOrEqual(runningBytesMax);
  expect(use.loaded.bytes + most).toBeLessThanOrEqual(boardBytes);
});

/** What batches in three priorities, store and forward may keep, beside the modules, which are in flash on a chip. */
const batchingBytesMax = 49_152;

test("the weather station lives through an outage in the heap of a small board, batches and flash log included", async () => {
  const engine = await ensureEngine();
  const app = await compileApp(engine, appDir("weather"));
  const world = new World({ seed: 11 });
  const hub = createWorldHub(world);
  const createWorld = provisioned(world, hub);
  const ends: unknown[] = [];
  const onEnd = (status: unknown) => ends.push(status);
  const board = new XsBoard({ engine, app, createWorld, log: () => {}, onEnd });
  board.powerOn();
  const steps: [string, number][] = [];
  const live = (step: string, durationMs: number) => {
    world.clock.runFor(durationMs);
    board.board?.collectGarbage();
    expect(ends).toEqual([]);
    steps.push([step, board.heap()?.running.bytes ?? Infinity]);
  };
  let stored = 0;
  hub.events.subscribe(({ source }) => {
    if (source === "Telemetry") stored++;
  });
  live("started", 0);
  live("connected", 60_000);
  hub.twins.patch({ deviceId }, { desired: { batchLimits: { normalAgeMs: 5000 } } });
  live("twin patched", 10_000);
  world.network.cut(deviceId);
  live("offline", 300_000);
  world.network.restore(deviceId);
  live("back online", 300_000);
  expect(stored).toBeGreaterThan(100);
  const use = board.heap();
  if (!use) throw new Error("no board");
  const most = Math.max(...steps.map(([, bytes]) => bytes));
  process.stdout.write(
    `weather heap in bytes: engine baseline ${use.baseline.bytes}, loaded ${use.loaded.bytes}, running ${most}\n` +
      `  ${steps.map(([step, bytes]) => `${step} ${bytes}`).join(", ")}; garbage included ${use.running.bytesPeak}\n`,
  );
  expect(most).toBeLessThanOrEqual(batchingBytesMax);
});
