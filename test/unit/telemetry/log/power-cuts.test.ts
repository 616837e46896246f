// Every flash operation of a log is cut in every torn form; all bytes are compared after two boots.
import { expect, test } from "vitest";
import { FlashLog } from "../../../../firmware/telemetry/log/flash-log.ts";
import {
  AFTER,
  AFTER_REAL,
  REAL,
  realBytes,
  scriptOf,
  TIGHT,
} from "../../../support/log-scripts.ts";
import { type OpenLog, sweep } from "../../../support/log-sweep.ts";

const open: OpenLog = (options) => new FlashLog(options);

test("a power cut inside any flash operation loses nothing, invents nothing, repeats little", () => {
  const result = sweep({
    ...{ open, shape: TIGHT, after: AFTER, acksMax: 8, depthEvery: 500 },
    script: scriptOf(1, 50),
  });
  console.log(`power cuts: ${JSON.stringify(result)}`);
  expect(result.cutsInRecovery).toBeGreaterThan(50);
  // The script must have come to the end of the ring.
  expect(result.lost).toBeGreaterThan(0);
});

test("the same on sectors of 4 KB and pages of 256 bytes, once round the ring", () => {
  const result = sweep({
    ...{ open, shape: REAL, after: AFTER_REAL, payloadBytes: realBytes, acksMax: 8 },
    ...{ depthEvery: 500, script: scriptOf(2, 6) },
  });
  console.log(`power cuts on real sectors: ${JSON.stringify(result)}`);
  expect(result.cuts).toBeGreaterThan(1000);
  expect(result.turns).toBeGreaterThanOrEqual(1);
  expect(result.lost).toBeGreaterThan(0);
});
