// Forty more outages with two power cuts each, on the XS engine; the short tier has two of them.
import { expect, test } from "vitest";
import { cutTwice, weatherProgram } from "../../support/outage-station.ts";

test("forty seeds: nothing that was kept is lost, repetitions are few and counted", async () => {
  const program = await weatherProgram();
  let duplicates = 0;
  let durable = 0;
  for (let seed = 100; seed < 140; seed++) {
    const figures = await cutTwice(program, seed);
    duplicates += figures.duplicates;
    durable += figures.durable;
  }
  // At most what was in flight or not yet written as acknowledged, once per cut.
  expect(duplicates).toBeLessThan(40 * 2 * 36);
  expect(durable).toBeGreaterThan(40 * 10);
});
