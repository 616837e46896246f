// Batched telemetry on the engine: fates of readings, a restart that keeps them, and a board that wakes in 1970.
import { fileURLToPath } from "node:url";
import { beforeAll, expect, test } from "vitest";
import { type CompiledApp, compileApp } from "../../../host-tools/engine/app.ts";
import type { Engine } from "../../../host-tools/engine/build.ts";
import { ensureEngine } from "../../../host-tools/engine/ensure.ts";
import { NodePlatform } from "../../../host-tools/sim/node-platform.ts";
import { MemoryKeyValue, NorFlash } from "../../../host-tools/sim/storage.ts";
import { World } from "../../../host-tools/sim/world.ts";
import { XsBoard } from "../../../host-tools/sim/xs-board.ts";
import { consume } from "../../support/batching-rig.ts";
import { countBoots } from "../../support/first-boot.ts";
import { deviceConnection, ScriptedHub } from "../../support/scripted-hub.ts";

let engine: Engine;
let app: CompiledApp;

beforeAll(async () => {
  engine = await ensureEngine();
  app = await compileApp(engine, fileURLToPath(new URL("app", import.meta.url)));
});

function scene(clockKnown: boolean) {
  const world = new World({ seed: 7 });
  const hub = new ScriptedHub(world);
  const persistent = { storage: new MemoryKeyValue(), flash: new NorFlash(16 * 4096) };
  countBoots(persistent.storage);
  persistent.storage.write("hub.conn", new TextEncoder().encode(deviceConnection));
  const log: string[] = [];
  const bootsAtMs: number[] = [];
  const board = new XsBoard({
    ...{ engine, app },
    log: (_level, text) => log.push(text),
    createWorld: () => new NodePlatform(world, { name: "dev1", persistent, clockKnown }),
    onBoot: () => bootsAtMs.push(world.wallMs()),
  });
  board.powerOn();
  return { world, hub, board, log, bootsAtMs };
}

test("a restart keeps what waits; every reading arrives once, its fate is told in its own boot", async () => {
  const { world, hub, board, log } = scene(true);
  world.clock.runFor(60_000);
  expect(board.boots).toBe(2);
  const { rows, report, damaged } = await consume(hub.telemetry);
  expect(damaged).toEqual([]);
  const counts = rows.filter(({ boot }) => boot === 1).map(({ values }) => values.uptimeS);
  expect(counts.filter((count) => count !== undefined)).toEqual(
    Array.from({ length: 35 }, (_, i) => i + 1),
  );
  expect(rows.filter(({ values }) => values.alarm)).toHaveLength(2);
  for (const { duplicates, missing } of report) expect(duplicates + missing).toBe(0);
  expect(log.filter((line) => line.includes("acknowledged")).length).toBeGreaterThan(40);
  expect(log.filter((line) => line.includes("dropped"))).toEqual([]);
});

test("readings of a board in 1970 are dated by an anchor from before the plug was pulled", async () => {
  const { world, hub, board, bootsAtMs } = scene(false);
  world.network.cut("dev1");
  world.clock.runFor(22_500);
  board.setClock(world.wallMs());
  world.clock.runFor(1000);
  board.powerOff();
  world.clock.runFor(600_000);
  world.network.restore("dev1");
  board.powerOn();
  board.setClock(world.wallMs());
  world.clock.runFor(30_000);
  const { rows } = await consume(hub.telemetry);
  const early = rows.filter(({ boot }) => boot === 1);
  expect(early.length).toBeGreaterThan(15);
  // The board's clock counts whole milliseconds.
  for (const { tMs, uptimeMs } of early)
    expect(Math.abs(tMs! - bootsAtMs[0]! - uptimeMs!)).toBeLessThanOrEqual(2);
});
