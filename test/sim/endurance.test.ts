// Days of a device on XS in minutes: outages, renewals, fail-overs, wrong clocks, power cuts; nothing may be lost.
import { beforeAll, expect, test } from "vitest";
import type { BoardMaker } from "../../host-tools/sim/virtual-board.ts";
import type { RunSummary } from "../../host-tools/sim/virtual-run.ts";
import { enduranceBoards, endure } from "./endure.ts";

let makeBoard: BoardMaker;
const summaries: RunSummary[] = [];
const traces = new Map<number, string>();

beforeAll(async () => {
  makeBoard = await enduranceBoards();
});

test.each([1, 2, 3, 4, 5])("three days, seed %i", async (seed) => {
  const summary = await endure(makeBoard, seed, 3);
  summaries.push(summary);
  traces.set(seed, summary.traceHash);
});

test("all kinds of trouble came up", () => {
  const kinds = ["outages", "renewals", "failOvers", "clockJumps", "powerCuts"] as const;
  expect(kinds.filter((kind) => summaries.every((summary) => summary[kind] === 0))).toEqual([]);
});

test("a seed gives its trace again", async () => {
  const again = await Promise.all([endure(makeBoard, 6, 1), endure(makeBoard, 6, 1)]);
  expect(again[0].traceHash).toBe(again[1].traceHash);
});

test("every seed has a trace of its own", () => {
  expect(new Set(traces.values()).size).toBe(5);
});
