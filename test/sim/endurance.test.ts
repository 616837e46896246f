// Days of a device on XS in minutes: outages, renewals, fail-overs, wrong clocks, power cuts; nothing may be lost.
import { beforeAll, expect, test } from "vitest";
import type { BoardMaker } from "../../host-tools/sim/virtual-board.ts";
import { enduranceBoards, endure } from "./endure.ts";

let makeBoard: BoardMaker;
const traces = new Map<number, string>();

beforeAll(async () => {
  makeBoard = await enduranceBoards();
});

test.each([1, 2, 3, 4, 5])("three days, seed %i", async (seed) => {
  const { traceHash } = await endure(makeBoard, seed, 3);
  traces.set(seed, traceHash);
});

test("every seed has a trace of its own", () => {
  expect(new Set(traces.values()).size).toBe(5);
});
