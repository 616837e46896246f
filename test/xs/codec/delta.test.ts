// The delta encoder on the XS engine: the bytes of Node, slices of bounded work, and a small board's memory.
import { expect, test } from "vitest";
import { seeded } from "../../support/seeded.ts";
import { run } from "./app/main.ts";
import { recording, runOnBoard } from "./support.ts";

const profiles = ["static", "adaptive"] as const;

test("batches of XS and Node are the same, byte for byte", async () => {
  const sets = ["imu_float", "nab_machine_temp", "ppg_adc_irreg", "weather_ewr", "weather_f32"];
  const recordings = sets.map((set) => recording(set, 256));
  const source = `for (const recording of recordings)
  for (const profile of ["static", "adaptive"])
    for (const rowsMax of [32, 128])
      for (const line of run(recording, { profile, rowsMax })) trace(line + "\\n");`;
  const { lines } = await runOnBoard(recordings, source);
  const expected = recordings.flatMap((each) =>
    profiles.flatMap((profile) => [32, 128].flatMap((rowsMax) => run(each, { profile, rowsMax }))),
  );
  expect(expected.length).toBe(sets.length * 2 * (8 + 2));
  expect(lines).toEqual(expected);
});

test("numbers of every width wrap and split on XS as in Node", async () => {
  const random = seeded("delta widths on XS");
  const widths = [17, 23, 25, 26, 27, 30, 33, 40, 43, 47, 52];
  const row = (): number[] =>
    widths.map((bits) => {
      const size = random.chance(0.5) ? Math.min(bits, 12) : bits;
      const value = 2 ** (bits - 1) + random.int(2 ** size);
      return random.chance(0.3) ? -value : value;
    });
  const wide = {
    names: widths.map((bits) => `b${bits}`),
    tick: "ms" as const,
    times: Array.from({ length: 128 }, (_, i) => 1000 * i + (i === 70 ? 2 ** 36 : 0)),
    rows: Array.from({ length: 128 }, row),
  };
  const source = `for (const profile of ["static", "adaptive"])
  for (const line of run(recordings[0], { profile, rowsMax: 64 })) trace(line + "\\n");`;
  const { lines } = await runOnBoard([wide], source);
  expect(lines).toEqual(profiles.flatMap((profile) => run(wide, { profile, rowsMax: 64 })));
  expect(lines.length).toBe(4);
});

/** Engine steps of the longest slice at 128 rows, with the grids known and when one has to be searched. */
const SLICE_UNITS_MAX = 40_000;
const SEARCH_UNITS_MAX = 80_000;

test.each(profiles)("no slice of a %s batch is long", async (profile) => {
  const names = ["imu_float", "nab_machine_temp", "surfrad_1min", "weather_ewr"];
  const recordings = names.map((set) => recording(set, 640));
  const onSlice = '(isStart) => trace(isStart ? "start\\n" : "slice\\n")';
  const source = `for (const recording of recordings) {
  trace("recording\\n");
  run(recording, { profile: "${profile}", rowsMax: 128, onSlice: ${onSlice} });
}`;
  const { lines, meters } = await runOnBoard(recordings, source);
  let batch = 0;
  let known = 0;
  let searched = 0;
  lines.forEach((line, i) => {
    if (line === "recording") batch = 0;
    else if (line === "start") batch++;
    else {
      const units = meters[i]! - meters[i - 1]!;
      // The last batch of these rows needs no new grid.
      if (batch === 5) known = Math.max(known, units);
      else searched = Math.max(searched, units);
    }
  });
  console.log(`longest ${profile} slice: ${known} units, ${searched} when a grid is searched`);
  expect(known).toBeGreaterThan(1000);
  expect(known).toBeLessThan(SLICE_UNITS_MAX);
  expect(searched).toBeLessThan(SEARCH_UNITS_MAX);
});

/** Of the 64 KB of a small board the running thermostat takes up to 32 KB (test/xs/apps/heap.test.ts). */
const BOARD_BYTES = 65_536;
const THERMOSTAT_BYTES_MAX = 32_768;

test.each(profiles)(
  "a %s encoder of four channels and 128 rows lives beside a thermostat",
  async (profile) => {
    const { names, times, rows, tick } = recording("weather_ewr", 512);
    const four = {
      names: names.slice(0, 4),
      tick,
      times,
      rows: rows.map((row) => row.slice(0, 4)),
    };
    const source = `const { times, rows } = recordings[0];
globalThis.kept = [rows, createEncoder];`;
    const life = `const encoder = createEncoder(recordings[0], { profile: "${profile}", rowsMax: 128 });
kept.push(encoder);
for (let i = 0; i < 500; i++) {
  encoder.record(times[i], rows[i]);
  if (encoder.isFull) encoder.take();
}`;
    const { heapBytes: before } = await runOnBoard([four], source);
    const { heapBytes } = await runOnBoard([four], source + life);
    const bytes = heapBytes - before;
    console.log(`a ${profile} encoder of four channels and 128 rows keeps ${bytes} bytes`);
    expect(bytes).toBeGreaterThan(4000);
    expect(bytes).toBeLessThan(BOARD_BYTES - THERMOSTAT_BYTES_MAX);
  },
);
