// Store and forward on the XS engine: outages, plugs pulled inside flash operations, then everything must arrive.
import { beforeAll, expect, test } from "vitest";
import {
  check,
  cutTwice,
  id,
  type Program,
  Station,
  weatherProgram,
} from "../../support/outage-station.ts";

const minuteMs = 60_000;
let program: Program;

beforeAll(async () => {
  program = await weatherProgram();
});

test.each([11, 22])(
  "seed %i: a plug pulled in an outage and again while catching up loses nothing that was kept",
  async (seed) => {
    await cutTwice(program, seed);
  },
);

test("seed 55: what a small flash cannot hold is declared, to the batch, and the rest arrives", async () => {
  const station = new Station(program, 55, 6);
  const { world, board } = station;
  board.powerOn();
  world.clock.runFor(minuteMs);
  world.network.cut(id);
  world.clock.runFor(30 * minuteMs);
  station.pullPlug();
  world.clock.runFor(minuteMs);
  world.network.restore(id);
  world.clock.runFor(10 * minuteMs);
  const { lostKeys, ...figures } = await check(station);
  process.stdout.write(`outage in a small flash: ${JSON.stringify(figures)}\n`);
  expect(lostKeys).toEqual([]);
  expect(figures.declared).toBeGreaterThan(50);
  // The report counts what is missing between what came; the device counts what it gave up.
  expect(figures.missing).toBeLessThanOrEqual(figures.declared);
});
