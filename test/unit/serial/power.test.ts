// Power cycles are believed only when the port vanished and came back.
import { expect, test } from "vitest";
import { type HubHonesty, hubPort } from "../../../host-tools/emulator/bench/power-hub.ts";
import { commandSwitch, powerCycle } from "../../../host-tools/serial/power.ts";
import { virtualBench } from "../../support/bench.ts";

test.each([
  ["honest", undefined],
  ["never-off", /still there with its power/],
  ["never-on-again", /did not come back/],
] as const)("a hub that is %s", async (honesty: HubHonesty, message) => {
  const { clock, wire, source, board } = virtualBench("esp32c3");
  const cycle = clock.run(powerCycle(hubPort(wire, honesty), source, clock));
  if (message) {
    await expect(cycle).rejects.toMatchObject({ code: "power-stuck", exitCode: 7 });
    await expect(cycle).rejects.toThrow(message);
  } else {
    await cycle;
    expect(board.boots.length).toBe(2);
  }
});

test("a switch that is a program reports how it failed", async () => {
  const node = [process.execPath, "-e"];
  const works = commandSwitch({ on: [...node, ""], off: [...node, "process.exit(3)"] });
  await works.set(true);
  await expect(works.set(false)).rejects.toThrow("ended with 3");
  const missing = commandSwitch({ on: ["no-such-program-here"], off: [] });
  await expect(missing.set(true)).rejects.toMatchObject({ code: "power-stuck" });
});
