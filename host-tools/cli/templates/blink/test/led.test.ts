import { expect, test } from "vitest";
import { Led } from "../led.ts";

test("every toggle reaches the pin", () => {
  const written: boolean[] = [];
  const led = new Led((isOn) => written.push(isOn));
  expect([led.toggle(), led.toggle(), led.toggle()]).toEqual([true, false, true]);
  expect(written).toEqual([true, false, true]);
});
