// Every flash operation of a log is cut in every torn form; all bytes are compared after two boots.
import { expect, test } from "vitest";
import { FlashLog } from "../../../../firmware/telemetry/log/flash-log.ts";
import { AFTER, type OpenLog, scriptOf, sweep, TIGHT } from "../../../support/log-sweep.ts";

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
