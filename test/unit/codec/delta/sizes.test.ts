// Bytes of the nine recorded sets at 128 rows: lossless, below the goals, and none more than they were.
import { expect, test } from "vitest";
import { bytesTable, measureSets, missedSizes } from "../../../perf/codec-sizes.ts";

test("nine recorded sets in batches of 128 rows", async () => {
  const sizes = measureSets(128);
  expect(missedSizes(sizes, 128)).toEqual([]);
  await expect(bytesTable(sizes, 128)).toMatchFileSnapshot("../../../data/telemetry/bytes-128.txt");
});
