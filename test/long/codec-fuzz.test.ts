// A million mutated delta batches: rows or a typed error, nothing else. GODWIT_SEED replays a run.
import { expect, test } from "vitest";
import { fuzz, fuzzCorpus } from "../support/delta-fuzz.ts";
import { seeded } from "../support/seeded.ts";

const COUNT = 1_050_000;

test(`${COUNT} mutated batches`, () => {
  const random = seeded("delta fuzz, long");
  const figures = { decoded: 0, refused: 0 };
  for (let done = 0; done < COUNT; done += 50_000) {
    const part = fuzz(random, fuzzCorpus(random, 60), 50_000);
    figures.decoded += part.decoded;
    figures.refused += part.refused;
  }
  console.log(`${figures.decoded} decoded, ${figures.refused} refused`);
  expect(figures.decoded + figures.refused).toBeGreaterThan(1_000_000);
  expect(figures.refused).toBeGreaterThan(COUNT / 20);
});
