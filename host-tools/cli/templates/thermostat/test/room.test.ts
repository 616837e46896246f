import { expect, test } from "vitest";
import { Room, shouldHeat } from "../room.ts";

test("the heater keeps its state near the target", () => {
  expect(shouldHeat(19, 20, false)).toBe(true);
  expect(shouldHeat(21, 20, true)).toBe(false);
  expect([true, false].map((isHeating) => shouldHeat(20, 20, isHeating))).toEqual([true, false]);
});

test("within an hour the room comes to its target and stays there", () => {
  const room = new Room();
  let isHeating = false;
  for (let second = 0; second < 7200; second++) {
    isHeating = shouldHeat(room.temperature, 21, isHeating);
    room.step(isHeating, 1);
    if (second > 3600) expect(Math.abs(room.temperature - 21)).toBeLessThan(0.5);
  }
});
