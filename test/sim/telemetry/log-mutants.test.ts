// The tests of the flash log are tested: every way to break it must be noticed, or explained.
import { expect, test } from "vitest";
import { judgeMutants, mutantTable } from "../../support/log-mutants.ts";

test("every mutant of the log is killed or explained", async () => {
  const verdicts = await judgeMutants(2);
  console.log(mutantTable(verdicts));
  const unexplained = verdicts.filter((one) => !one.killedBy === !one.equivalent);
  expect(unexplained.map(({ name }) => name)).toEqual([]);
  expect(verdicts.filter((one) => one.killedBy).length).toBeGreaterThanOrEqual(20);
});
