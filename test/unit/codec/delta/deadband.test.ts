// A deadband never lets a value drift further from the last recorded one than its band.
import { expect, test } from "vitest";
import { Deadband } from "../../../../firmware/codec/delta/deadband.ts";
import { seeded } from "../../../support/seeded.ts";

test("what is not recorded is within the band of what was", () => {
  const random = seeded("deadband");
  const bands = [0.5, 2];
  const deadband = new Deadband(bands);
  let last: number[] = [];
  let recorded = 0;
  const walk = [20, 50];
  for (let i = 0; i < 5000; i++) {
    walk.forEach((_, c) => {
      walk[c]! += (random.int(201) - 100) / 500;
    });
    if (deadband.admits(walk)) {
      last = [...walk];
      recorded++;
    }
    walk.forEach((value, c) => {
      expect(Math.abs(value - last[c]!)).toBeLessThanOrEqual(bands[c]!);
    });
  }
  expect(recorded).toBeGreaterThan(10);
  expect(recorded).toBeLessThan(1000);
});

test.each([
  ["the first row", undefined, [1, "a"], true],
  ["the same again", [1, "a"], [1, "a"], false],
  ["another text", [1, "a"], [1, "b"], true],
  ["a number within the band", [1, "a"], [1.5, "a"], false],
  ["a number outside the band", [1, "a"], [1.6, "a"], true],
  ["a value that went missing", [1, "a"], [null, "a"], true],
  ["NaN after NaN", [Number.NaN, "a"], [Number.NaN, "a"], false],
  ["NaN after a number", [1, "a"], [Number.NaN, "a"], true],
])("%s", (_, before, now, expected) => {
  const deadband = new Deadband([0.5, 0]);
  if (before) deadband.admits(before);
  expect(deadband.admits(now)).toBe(expected);
});
