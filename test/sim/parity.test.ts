// One source, one world, two engines: what XS puts on the wire and what Node puts there must be the same bytes.
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { startThermostat } from "../../firmware/apps/thermostat/app.ts";
import type { Platform } from "../../firmware/ports/platform.ts";
import { compileApp } from "../../host-tools/engine/app.ts";
import { ensureEngine } from "../../host-tools/engine/ensure.ts";
import { type BoardMaker, nodeBoards, xsBoards } from "../../host-tools/sim/virtual-board.ts";
import { VirtualRun } from "../../host-tools/sim/virtual-run.ts";
import { startEndurance } from "./apps/endurance/app.ts";

interface App {
  name: string;
  dir: string;
  days: number;
  method: string;
  start: (platform: Platform) => unknown;
}

const apps: readonly App[] = [
  {
    name: "thermostat",
    dir: "../../firmware/apps/thermostat",
    days: 0.1,
    method: "getMaxMinReport",
    start: (platform) => startThermostat(platform),
  },
  {
    name: "endurance app",
    dir: "apps/endurance",
    days: 3,
    method: "getState",
    start: startEndurance,
  },
];

async function play(app: App, seed: number, makeBoard: BoardMaker) {
  const lines: string[] = [];
  const bodies: string[] = [];
  const run = new VirtualRun({
    ...{ seed, days: app.days, boards: 1, name: "parity", method: app.method, makeBoard },
    onTrace: (line) => lines.push(line),
  });
  run.hub.events.subscribe((event) => {
    if (event.source === "Telemetry") bodies.push(Buffer.from(event.body).toString());
  });
  const { traceHash, violations } = await run.run();
  const { properties } = run.hub.twins.view({ deviceId: "parity-1" });
  return { lines, bodies, traceHash, violations, properties };
}

test.each(apps.flatMap((app) => [11, 12].map((seed) => ({ ...app, seed }))))(
  "$name, seed $seed: equal messages, twin and bytes on XS and in Node",
  async (app) => {
    const engine = await ensureEngine();
    const compiled = await compileApp(engine, fileURLToPath(new URL(app.dir, import.meta.url)));
    const onXs = await play(app, app.seed, xsBoards(engine, compiled));
    const onNode = await play(app, app.seed, nodeBoards(app.start));
    expect(onXs.violations).toEqual([]);
    expect(onXs.bodies.length).toBeGreaterThan(1000);
    expect(onXs.bodies).toEqual(onNode.bodies);
    expect(onXs.properties).toEqual(onNode.properties);
    const differing = onXs.lines.findIndex((line, index) => line !== onNode.lines[index]);
    expect([onXs.lines[differing], onNode.lines[differing]]).toEqual([undefined, undefined]);
    expect(onXs.traceHash).toBe(onNode.traceHash);
  },
);
