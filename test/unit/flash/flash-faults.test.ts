// Flashing under each fault, a few seeds each; the long tier runs a thousand.
import { expect, test } from "vitest";
import { faultRun } from "../../support/fault-run.ts";
import { certainEnds, faultNames } from "../../support/fault-run-table.ts";
import {
  picoCertainEnds,
  picoChips,
  picoFaultNames,
  picoFaultRun,
} from "../../support/pico-fault-run.ts";

test.each(faultNames)("%s", async (fault) => {
  for (const seed of [1, 2]) {
    const run = await faultRun(fault, seed);
    expect(run.violations, run.story).toEqual([]);
    if (certainEnds[fault]) expect(run.outcome, run.story).toBe(certainEnds[fault]);
  }
});

test.each(picoFaultNames)("drive: %s", async (fault) => {
  for (const chip of picoChips) {
    const run = await picoFaultRun(fault, 3, chip, "memory");
    expect(run.violations, run.story).toEqual([]);
    if (picoCertainEnds[fault]) expect(run.outcome, run.story).toBe(picoCertainEnds[fault]);
  }
});
