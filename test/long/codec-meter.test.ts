// The codec's bench, whole: sizes, cost on XS in meter units, and what the weights owe to the recordings. All of it is
// deterministic, so its limits hold on every machine.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import type { CodecFigures } from "../perf/codec.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

test("npm run perf -- codec misses no goal", async () => {
  // The bench ends with code 1 when a goal is missed, and this rejects.
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["host-tools/cli/bootstrap.mjs", "perf", "codec", "--json"],
    { cwd: root, maxBuffer: 1 << 24 },
  );
  const figures = JSON.parse(stdout) as CodecFigures;
  const { adaptive, leb128, static: fixed } = figures.meterPerValue;
  console.log(`units per value: static ${fixed}, adaptive ${adaptive}, LEB128 ${leb128}`);
  expect(figures.missed).toEqual([]);
  expect(Object.keys(figures.meterPerSet)).toHaveLength(9);
  expect(fixed).toBeGreaterThan(50);
  expect(fixed).toBeLessThanOrEqual(200);
  expect(adaptive).toBeLessThanOrEqual(500);
});
