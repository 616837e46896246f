// One endurance run, for the short and the long tier: a seed, some days, everything checked.
import { fileURLToPath } from "node:url";
import { beforeAll, expect, test } from "vitest";
import { compileApp } from "../../host-tools/engine/app.ts";
import { ensureEngine } from "../../host-tools/engine/ensure.ts";
import type { SeededRandom } from "../../host-tools/sim/seeded-random.ts";
import { type BoardMaker, xsBoards } from "../../host-tools/sim/virtual-board.ts";
import { type RunSummary, VirtualRun } from "../../host-tools/sim/virtual-run.ts";
import { Ledger } from "./ledger.ts";

const appDir = fileURLToPath(new URL("apps/endurance", import.meta.url));

/** Boards that run the endurance app on XS. */
export async function enduranceBoards(): Promise<BoardMaker> {
  const engine = await ensureEngine();
  return xsBoards(engine, await compileApp(engine, appDir));
}

function nextDesired(_id: string, random: SeededRandom) {
  return random.chance(0.5)
    ? { sendIntervalS: random.int(30, 120) }
    : { label: `l${random.int(0, 999)}` };
}

export async function endure(
  makeBoard: BoardMaker,
  seed: number,
  days: number,
): Promise<RunSummary> {
  const ledger = new Ledger();
  const run = new VirtualRun({
    ...{ seed, days, boards: 1, name: "endure", method: "getState", makeBoard, nextDesired },
    onLog: (board, _level, text) => ledger.log(board, text),
  });
  ledger.watch(run);
  const summary = await run.run();
  const id = run.boards[0]!.id;
  const { lost, invented, misordered, unsettled, ...counts } = ledger.check(id);
  process.stdout.write(`${describe(summary)}\n`);
  const { early } = ledger;
  expect({ violations: summary.violations, lost, invented, misordered, early }).toEqual({
    ...{ violations: [], lost: [], invented: [], misordered: [], early: [] },
  });
  // The newest may be on its way.
  expect(unsettled.length).toBeLessThan(2);
  expect(counts.duplicates).toBe(summary.duplicates);
  expect(counts.acknowledged).toBeGreaterThan(days * 400);
  expect(summary.outages + summary.hubFaults).toBeGreaterThan(days);
  expect(summary.errors).toBe(0);
  // The device's own word about what is in effect, beside what it reported.
  // A report may be due right now.
  run.world.clock.runFor(10_000);
  const { desired, reported } = run.hub.twins.view({ deviceId: id }).properties;
  const answer = run.hub.methods.invoke({ deviceId: id }, { methodName: "getState" });
  run.world.clock.runFor(10_000);
  const { payload } = await answer;
  const { sendIntervalS = 60, label = "" } = desired;
  expect(payload).toEqual({ sendIntervalS, label, sent: reported.sent });
  return summary;
}

const monthDays = 30;

/** The long tier: a month for every seed. */
export function enduranceOfMonths(seeds: readonly number[]): void {
  let makeBoard: BoardMaker;
  beforeAll(async () => {
    makeBoard = await enduranceBoards();
  });
  test.each(seeds)(`${monthDays} days, seed %i`, async (seed) => {
    const { heapBytes, renewals, ...summary } = await endure(makeBoard, seed, monthDays);
    expect(heapBytes.length).toBe(monthDays - 1);
    // Every 45 minutes of connection; outages make them fewer.
    expect(renewals).toBeGreaterThan(20 * monthDays);
    const kinds = ["outages", "failOvers", "clockJumps"] as const;
    expect(kinds.filter((kind) => summary[kind] === 0)).toEqual([]);
  });
}

function describe(summary: RunSummary): string {
  const { seed, days, traceHash, heapBytes } = summary;
  const heap = heapBytes.length > 0 ? `${heapBytes[0]} to ${heapBytes.at(-1)}` : "not measured";
  return (
    `seed ${seed}, ${days} days: trace ${traceHash.slice(0, 16)}, ${summary.outages} outages, ` +
    `${summary.renewals} renewals, ${summary.failOvers} fail-overs, ${summary.clockJumps} clock jumps, ` +
    `${summary.powerCuts} power cuts, ${summary.d2cAcked} messages, ${summary.duplicates} duplicates, ` +
    `heap ${heap} bytes, ${summary.speedup} x real time`
  );
}
