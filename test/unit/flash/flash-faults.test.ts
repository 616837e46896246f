// Flashing under each fault, a few seeds each; the long tier runs a thousand.
import { expect, test } from "vitest";
import { certainEnds, faultNames, faultRun } from "../../support/fault-run.ts";

test.each(faultNames)("%s", async (fault) => {
  for (const seed of [1, 3]) {
    const run = await faultRun(fault, seed);
    expect(run.violations, run.story).toEqual([]);
    if (certainEnds[fault]) expect(run.outcome, run.story).toBe(certainEnds[fault]);
  }
});
