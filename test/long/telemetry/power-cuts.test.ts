// The sweep of test/unit/telemetry/log in many scripts and shapes, with cuts in recovery after every twentieth cut.
import { expect, test } from "vitest";
import { FlashLog } from "../../../firmware/telemetry/log/flash-log.ts";
import { AFTER, type OpenLog, scriptOf, sweep, TIGHT } from "../../support/log-sweep.ts";
import type { FlashShape } from "../../support/torn-flash.ts";

const open: OpenLog = (options) => new FlashLog(options);

const shapes: Readonly<Record<string, FlashShape>> = {
  small: TIGHT,
  "units of 16 bytes": { ...TIGHT, sectorBytes: 1024, unitBytes: 16 },
  "units of 32 bytes": { ...TIGHT, sectorBytes: 1024, unitBytes: 32 },
  "real sectors": { ...TIGHT, sectorBytes: 4096, sectorCount: 6 },
};
const SEEDS = 12;

for (const [name, shape] of Object.entries(shapes)) {
  test(`no promise is broken: ${name}`, () => {
    const total = { cuts: 0, cutsInRecovery: 0, operations: 0, lost: 0 };
    for (let seed = 100; seed < 100 + SEEDS; seed++) {
      const script = scriptOf(seed, shape.sectorBytes > 1024 ? 160 : 80);
      const acksMax = seed % 2 === 0 ? 200 : 8;
      const result = sweep({ open, shape, after: AFTER, acksMax, depthEvery: 20, script });
      for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += result[key];
    }
    console.log(`power cuts, ${name}: ${JSON.stringify(total)}`);
    expect(total.cuts).toBeGreaterThan(10_000);
  });
}
