// Every value comes back by Object.is: values of every kind, both profiles. Recorded sets: sizes.test.ts.
import { expect, test } from "vitest";
import { readHeader } from "../../../../firmware/codec/delta/header.ts";
import { profiles } from "../../../perf/codec-sizes.ts";
import {
  decode,
  encodeRows,
  kinds,
  randomRows,
  type TestRows,
  testEncoder,
} from "../../../support/delta-batches.ts";
import { seeded } from "../../../support/seeded.ts";

function expectSame({ times, rows }: TestRows, bytes: Uint8Array): void {
  const decoded = decode(bytes);
  expect([...decoded.times]).toEqual(times);
  rows.forEach((row, i) => {
    row.forEach((value, c) => {
      const back = decoded.channels[c]![i];
      if (typeof value === "object") expect(back).toEqual(value);
      else if (!Object.is(back, value))
        expect.fail(`row ${i}, channel ${c}: ${String(back)} for ${String(value)}`);
    });
  });
}

test("random rows of every kind", () => {
  const random = seeded("delta round trip");
  for (let run = 0; run < 150; run++) {
    const rows = randomRows(random, 1 + random.int(200), 1 + random.int(6));
    const profile = random.pick(profiles);
    expectSame(rows, encodeRows(rows, { profile, tick: random.pick(["ms", "us"]), crc: true }));
  }
});

test.each([0, 1, 2, 3, 191, 192, 193, 512])("%i rows", (count) => {
  const random = seeded(`delta ${count} rows`);
  const rows = randomRows(random, count, 3);
  const bytes = encodeRows(rows, { channels: [{ name: "a" }, { name: "b" }, { name: "c" }] });
  expect(readHeader(bytes).rows).toBe(count);
  expectSame(rows, bytes);
});

test("no channels at all", () => {
  expectSame({ times: [5, 6], rows: [[], []] }, encodeRows({ times: [5, 6], rows: [[], []] }));
});

test("constants of every kind", () => {
  const values = [7, 0.1, 23.18000030517578, Math.PI, true, "text", Number.NaN, -0, undefined];
  const times = [10, 20, 30, 40];
  const rows = times.map(() => values);
  expectSame({ times, rows }, encodeRows({ times, rows }));
});

test("a kept encoder's batches stand alone, whatever the channels did before", () => {
  const random = seeded("delta kept encoder");
  expect(kinds.length).toBeGreaterThan(10);
  const encoder = testEncoder(3);
  for (let batch = 0; batch < 40; batch++) {
    const rows = randomRows(random, 1 + random.int(100), 3);
    rows.rows.forEach((row, i) => {
      encoder.record(rows.times[i]!, row);
    });
    expectSame(rows, encoder.take().bytes);
  }
});

test("slices give the same bytes as one call", () => {
  const rows = randomRows(seeded("delta slices"), 300, 4);
  const whole = encodeRows(rows);
  const encoder = testEncoder(4, { sliceValues: 7 });
  rows.rows.forEach((row, i) => {
    encoder.record(rows.times[i]!, row);
  });
  const slices = encoder.slices();
  let count = 0;
  for (;;) {
    const slice = slices.next();
    if (slice.done) {
      expect(slice.value.bytes).toEqual(whole);
      break;
    }
    count++;
  }
  expect(count).toBeGreaterThan(20);
});

test.each([
  ["recorded as such", 16],
  ["among too many others", 40],
])("decimals of a double on a channel of float32 decimals stay doubles: %s", (_, others) => {
  const encoder = testEncoder(1);
  for (let batch = 0; batch < 5; batch++) {
    const isMixed = batch === 2 || batch === 3;
    const rows = Array.from({ length: 100 }, (_, i) => {
      const value = (200 + ((i * 7) % 50)) / 10;
      return [isMixed && i % 50 < others / 2 ? value : Math.fround(value)];
    });
    rows.push([0], [-0], [5]);
    rows.forEach((row, i) => {
      encoder.record(i, row);
    });
    expectSame({ times: rows.map((_, i) => i), rows }, encoder.take().bytes);
  }
});

test("finer values behind gaps make the grid as fine as they are", () => {
  const encoder = testEncoder(1);
  const record = (values: readonly (number | undefined)[]): Uint8Array => {
    const rows = values.map((value) => [value]);
    rows.forEach((row, i) => {
      encoder.record(i, row);
    });
    const { bytes } = encoder.take();
    expectSame({ times: rows.map((_, i) => i), rows }, bytes);
    return bytes;
  };
  const whole = Array.from({ length: 32 }, (_, i) => 20 + ((i * 5) % 7));
  record(whole);
  // One decimal more would do for the rows that the finer values have without the gaps.
  const gaps = Array.from({ length: 30 }, () => undefined);
  const finer = whole.slice(2).map((value) => value + 0.25);
  expect(record([...gaps, ...whole, ...finer]).length).toBeLessThan(100);
});

test("a zero of either sign among significant digits", () => {
  const encoder = testEncoder(1);
  const digits = (i: number) => Number((((i * 7919) % 1013) / 7 ** (i % 9)).toPrecision(6));
  for (let batch = 0; batch < 3; batch++) {
    const rows = Array.from({ length: 90 }, (_, i) => [i % 30 === 7 ? -0 : digits(i + 1)]);
    rows.push([0], [-0]);
    rows.forEach((row, i) => {
      encoder.record(i, row);
    });
    expectSame({ times: rows.map((_, i) => i), rows }, encoder.take().bytes);
  }
});

test.each<[string, (i: number) => number, number, number]>([
  ["zeros below whole numbers", (i) => 1 + ((i * 37) % 101), -0, 60],
  ["no numbers among doubles", (i) => Math.sin(i) / 7, Number.NaN, 400],
])("%s stay with their rows when a batch takes only some", (_, usual, odd, bytesMax) => {
  const encoder = testEncoder(1, { rowsMax: 200, bytesMax });
  const rows: unknown[][] = Array.from({ length: 200 }, (_, i) => [usual(i)]);
  for (const at of [3, 80, 120, 160, 190]) rows[at] = [odd];
  for (const at of [40, 121, 180]) rows[at] = [undefined];
  encoder.record(0, [usual(1)]);
  encoder.take();
  rows.forEach((row, i) => {
    encoder.record(i, row);
  });
  let batches = 0;
  for (let from = 0; from < 200; batches++) {
    const { bytes, rows: count } = encoder.take();
    const times = Array.from({ length: count }, (_, i) => from + i);
    expectSame({ times, rows: rows.slice(from, from + count) }, bytes);
    from += count;
  }
  expect(batches).toBeGreaterThan(2);
});
