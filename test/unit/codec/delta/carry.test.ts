// A carry runs through full units wherever the coder's arithmetic stands in line.
import { expect, test } from "vitest";
import { writePresence } from "../../../../firmware/codec/delta/channel-parts.ts";
import { CACHE_MODE, T_KIND } from "../../../../firmware/codec/delta/layout.ts";
import { PRIORS } from "../../../../firmware/codec/delta/priors-table.ts";
import { BOTTOM, RangeEncoder, TOP } from "../../../../firmware/codec/delta/range-encoder.ts";
import { Series } from "../../../../firmware/codec/delta/series.ts";
import { SeriesEncoder } from "../../../../firmware/codec/delta/series-encoder.ts";

/** Two full units behind a third wait for a carry, and the next shift makes it. */
function carrying(coder: RangeEncoder, range: number): void {
  coder.units.set([1, 0xffff, 0xffff]);
  coder.resume(TOP + 1, range, 3);
}

/** Codes `values` by `plan`; the carry waits when `before` of them are coded. */
function codeSeries(coder: RangeEncoder, plan: number, values: number[], before: number): void {
  const series = new Series(values.length);
  series.adopt(Int32Array.from(values), 0, values.length);
  const encoder = new SeriesEncoder(coder);
  encoder.start(series, plan);
  if (before > 0) encoder.run(before);
  carrying(coder, before > 0 ? BOTTOM : BOTTOM - 1);
  while (!encoder.run(8));
}

const small = Array.from({ length: 30 }, (_, i) => (i * 7) % 5);
const large = Array.from({ length: 30 }, (_, i) => ((i * 7919) % 50_021) - 20_000);

test.each<[string, (coder: RangeEncoder) => void]>([
  ["a symbol", (coder) => coder.symbol(T_KIND, 1)],
  ["raw bits", (coder) => coder.raw(0, 12)],
  ["many raw bits", (coder) => coder.bits(0, 40)],
  ["raw bits of all values", (coder) => coder.rawAll(new Float64Array(9), 9, 12)],
  ["flags", (coder) => writePresence(coder, [1, 9, 10], 40)],
  ["small residuals", (coder) => codeSeries(coder, 0, small, 0)],
  ["changes", (coder) => codeSeries(coder, CACHE_MODE, small, 0)],
  ["bits of large residuals", (coder) => codeSeries(coder, 0, large, 2)],
])("%s", (_, write) => {
  const coder = new RangeEncoder(new Uint16Array(400), false, PRIORS);
  coder.start();
  carrying(coder, BOTTOM - 1);
  write(coder);
  coder.finish();
  expect([...coder.units.subarray(0, 3)]).toEqual([2, 0, 0]);
});
