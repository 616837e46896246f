// The device's costs are facts, not measurements: two runs agree to the unit.
import { expect, test } from "vitest";
import { run } from "../../perf/device.ts";

test("what a device costs on the engine is the same in every run", async () => {
  const figures = await run();
  expect(await run()).toEqual(figures);
  for (const codes of Object.values(figures.codes)) expect(codes).toBeGreaterThanOrEqual(0);
  const { load, start, connect, telemetryMessage, twinPatch, directMethod, idle } = figures.codes;
  for (const codes of [load, start, connect, telemetryMessage, twinPatch, directMethod])
    expect(codes).toBeGreaterThan(1000);
  // A device with nothing to do does nothing.
  expect(idle).toBe(0);
  // Connecting takes cryptography and JSON; a message must be far cheaper.
  expect(telemetryMessage * 3).toBeLessThan(connect);
});
