// The thermostat on the real engine and in Node: one source, one world, equal messages; its heap is reported.
import { fileURLToPath } from "node:url";
import { beforeAll, expect, test } from "vitest";
import { startThermostat } from "../../../firmware/apps/thermostat/app.ts";
import { type CompiledApp, compileApp } from "../../../host-tools/engine/app.ts";
import { defaultHeap } from "../../../host-tools/engine/board-image.ts";
import type { HeapSize } from "../../../host-tools/engine/board-types.ts";
import type { Engine } from "../../../host-tools/engine/build.ts";
import { ensureEngine } from "../../../host-tools/engine/ensure.ts";
import { NodePlatform } from "../../../host-tools/sim/node-platform.ts";
import { World } from "../../../host-tools/sim/world.ts";
import { XsBoard } from "../../../host-tools/sim/xs-board.ts";
import { deviceConnection, ScriptedHub } from "../../support/scripted-hub.ts";

const appDir = fileURLToPath(new URL("../../../firmware/apps/thermostat", import.meta.url));
/** What the running thermostat may take beside its modules, slots and chunks together. */
const runningBytesMax = 32_768;
const slotBytes = 16;

let engine: Engine;
let app: CompiledApp;

beforeAll(async () => {
  engine = await ensureEngine();
  app = await compileApp(engine, appDir);
});

function newWorld(log: string[]) {
  const world = new World({ seed: 5, network: { jitterMs: 0 } });
  const hub = new ScriptedHub(world);
  const platform = new NodePlatform(world, {
    name: "dev1",
    onLog: (level, text) => log.push(`${level}: ${text}`),
  });
  platform.storage.write("hub.conn", new TextEncoder().encode(deviceConnection));
  return { world, hub, platform };
}

function powerOn({ platform }: ReturnType<typeof newWorld>, heap: HeapSize): XsBoard {
  const { log } = platform;
  const board = new XsBoard({ engine, app, heap, log, createWorld: () => platform });
  board.powerOn();
  return board;
}

function play({ world, hub }: ReturnType<typeof newWorld>) {
  world.clock.runFor(60_000);
  hub.patchDesired({ targetTemperature: 24.5, telemetryIntervalS: 10 });
  world.clock.runFor(60_000);
  const rid = hub.callMethod("getMaxMinReport", "");
  hub.sendMessage("hello");
  world.clock.runFor(10_000);
  world.network.cut("dev1");
  world.clock.runFor(60_000);
  world.network.restore("dev1");
  world.clock.runFor(600_000);
  return {
    bodies: hub.telemetry.map(({ payload }) => new TextDecoder().decode(payload)),
    reported: hub.reported,
    answer: hub.answerTo(rid),
    completed: hub.completed,
  };
}

test("the same source gives equal results on the engine and in Node", () => {
  const onNode = newWorld([]);
  startThermostat(onNode.platform);
  const expected = play(onNode);
  // The heap ends where the budget ends: garbage included, the thermostat has to live in it.
  const chunkBytes = runningBytesMax / 2;
  const slots = (runningBytesMax - chunkBytes) / slotBytes;
  const onXs = newWorld([]);
  const board = powerOn(onXs, { ...defaultHeap, chunkBytes, slots });
  const actual = play(onXs);
  expect(board.board?.status).toEqual({ state: "running" });
  expect(actual.bodies.length).toBeGreaterThan(60);
  expect(actual).toEqual(expected);
  expect(actual.reported).toMatchObject({
    targetTemperature: { value: 24.5, ac: 200, av: 2 },
    telemetryIntervalS: { value: 10, ac: 200, av: 2 },
    heating: true,
  });
  expect(actual.answer?.status).toBe(200);
  const use = board.heap()!;
  board.board?.collectGarbage();
  const kept = board.heap()!.running.bytes;
  process.stdout.write(
    `thermostat heap: baseline ${use.baseline.bytes}, loading ${use.loaded.bytes}, running ${kept} ` +
      `(peak ${use.running.bytesPeak}) bytes\n`,
  );
  expect(use.running.bytesPeak).toBeLessThanOrEqual(runningBytesMax);
});
