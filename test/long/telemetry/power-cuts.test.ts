// The sweep of test/unit/telemetry/log in many scripts and shapes, with cuts in recovery after every twentieth cut.
import { expect, test } from "vitest";
import { FlashLog } from "../../../firmware/telemetry/log/flash-log.ts";
import { AFTER, scriptOf, TIGHT } from "../../support/log-scripts.ts";
import { type OpenLog, sweep } from "../../support/log-sweep.ts";
import type { FlashShape } from "../../support/torn-flash.ts";

const open: OpenLog = (options) => new FlashLog(options);

/** Shape and how many seeded scripts: a cut costs time in proportion to what must be compared after it. */
const shapes: Readonly<Record<string, { shape: FlashShape; seeds: number }>> = {
  small: { shape: TIGHT, seeds: 3 },
  "units of 16 bytes": { shape: { ...TIGHT, sectorBytes: 1024, unitBytes: 16 }, seeds: 3 },
  "units of 32 bytes": { shape: { ...TIGHT, sectorBytes: 1024, unitBytes: 32 }, seeds: 2 },
};

for (const [name, { shape, seeds }] of Object.entries(shapes)) {
  test(`no promise is broken: ${name}`, () => {
    const total = { cuts: 0, cutsInRecovery: 0, operations: 0, lost: 0 };
    for (let seed = 100; seed < 100 + seeds; seed++) {
      const script = scriptOf(seed, 80);
      const acksMax = seed % 2 === 0 ? 200 : 8;
      const result = sweep({ open, shape, after: AFTER, acksMax, depthEvery: 20, script });
      for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += result[key];
    }
    console.log(`power cuts, ${name}: ${JSON.stringify(total)}`);
    expect(total.cuts).toBeGreaterThan(10_000);
  });
}
