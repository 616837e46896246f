// Every flash operation of a log is cut in every torn form; all bytes are compared after two boots.
import { expect, test } from "vitest";
import { FlashLog } from "../../../../firmware/telemetry/log/flash-log.ts";
import { AFTER, SMALL, scriptOf, sweep } from "../../../support/log-sweep.ts";

const open = (options: ConstructorParameters<typeof FlashLog>[0]) => new FlashLog(options);

test("a power cut inside any flash operation loses nothing, invents nothing, repeats little", () => {
  const startMs = Date.now();
  const result = sweep({
    ...{ open, shape: SMALL, after: AFTER, acksMax: 8, depthEvery: 400 },
    script: scriptOf(1, 60),
  });
  console.log(`power cuts: ${JSON.stringify(result)} ${Date.now() - startMs} ms`);
  expect(result.cutsInRecovery).toBeGreaterThan(100);
});
