// The sweep on what devices have: sectors of 4 KB, pages of 256 bytes, twice round the ring and more. Every flash
// operation is cut in every torn form, and after each of these cuts every operation of the recovery, in every form.
import { expect, test } from "vitest";
import { FlashLog } from "../../../firmware/telemetry/log/flash-log.ts";
import { AFTER_REAL, REAL, realBytes, scriptOf } from "../../support/log-scripts.ts";
import { type OpenLog, sweep } from "../../support/log-sweep.ts";
import type { FlashShape } from "../../support/torn-flash.ts";

const open: OpenLog = (options) => new FlashLog(options);

/** Shape, seed of the script and its length. */
const runs: Readonly<Record<string, { shape: FlashShape; seed: number; steps: number }>> = {
  "6 sectors, units of 4 bytes": { shape: REAL, seed: 2, steps: 18 },
  "8 sectors, units of 16 bytes": {
    shape: { ...REAL, sectorCount: 8, unitBytes: 16 },
    ...{ seed: 2, steps: 18 },
  },
};

for (const [name, { shape, seed, steps }] of Object.entries(runs)) {
  test(`no promise is broken, all cuts in recovery included: ${name}`, () => {
    const result = sweep({
      ...{ open, shape, after: AFTER_REAL, payloadBytes: realBytes, acksMax: 8 },
      ...{ depthEvery: 1, script: scriptOf(seed, steps) },
    });
    console.log(`power cuts, ${name}: ${JSON.stringify(result)}`);
    expect(result.turns).toBeGreaterThanOrEqual(2);
    expect(result.lost).toBeGreaterThan(0);
    // Every operation in at least five forms, and each of these cuts followed by all of the next boot.
    const first = result.cuts - result.cutsInRecovery;
    expect(first).toBeGreaterThanOrEqual(5 * result.operations);
    expect(result.cutsInRecovery).toBeGreaterThan(5 * 6 * first);
  });
}
