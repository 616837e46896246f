// Flashing under each fault, a few seeds each; the long tier runs a thousand.
import { expect, test } from "vitest";
import { type FaultName, faultNames, faultRun } from "../../support/fault-run.ts";

/** How a fault must end where there is no choice. */
const must: Partial<Record<FaultName, string | RegExp>> = {
  none: "verified",
  split: "verified",
  "slow-erase": "verified",
  "stuck-twice": "verified",
  "stuck-in-app": "app-running",
  unplug: "verified",
  "wrong-serial": "verified",
  "slow-reset": "verified",
  "swapped-board": /^(wrong-board|verified)$/,
  "usb-jtag-reenumerates": "verified",
};

test.each(faultNames)("%s", async (fault) => {
  for (const seed of [1, 3]) {
    const run = await faultRun(fault, seed);
    expect(run.violations, run.story).toEqual([]);
    if (must[fault]) expect(run.outcome, run.story).toMatch(must[fault]);
  }
});
