// Bytes of the nine recorded sets at all batch sizes; training gives the committed start weights.
import { expect, test } from "vitest";
import { PRIORS } from "../../firmware/codec/delta/priors-table.ts";
import { train } from "../../host-tools/telemetry/train.ts";
import { batchRows, bytesTable, measureSets, missedSizes, sets } from "../perf/codec-sizes.ts";

test.each(batchRows)("nine recorded sets in batches of %i rows", async (rows) => {
  const sizes = measureSets(rows);
  expect(missedSizes(sizes, rows)).toEqual([]);
  await expect(bytesTable(sizes, rows)).toMatchFileSnapshot(`../data/telemetry/bytes-${rows}.txt`);
});

test("training again gives the committed start weights", () => {
  expect(train([...sets.values()])).toBe(PRIORS);
});
