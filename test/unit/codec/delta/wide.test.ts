// Numbers of every width: split series, raw bits in the range coder and in the tail, and what mixes them.
import { expect, test } from "vitest";
import { decodeBatch } from "../../../../firmware/codec/delta/decoder.ts";
import { readHeader } from "../../../../firmware/codec/delta/header.ts";
import { encodeRows, testEncoder } from "../../../support/delta-batches.ts";
import { type Seeded, seeded } from "../../../support/seeded.ts";

const profiles = ["static", "adaptive"] as const;
const widths = Array.from({ length: 38 }, (_, i) => 15 + i);

/** From 0 to 1. */
const fraction = (random: Seeded): number => random.int(2 ** 53) / 2 ** 53;

/** `count` whole numbers of at most `bits` bits and a sign that differ by about `stepBits` bits. */
function wander(random: Seeded, count: number, bits: number, stepBits: number): number[] {
  const most = 2 ** bits - 1;
  let value = Math.floor((fraction(random) - 0.5) * most);
  return Array.from({ length: count }, () => {
    const step = Math.round((fraction(random) - 0.5) * 2 ** (stepBits + 1));
    if (Math.abs(value + step) > most) value -= step;
    else value += step;
    return value;
  });
}

function expectValues(bytes: Uint8Array, columns: readonly (readonly number[])[]): void {
  const { channels } = decodeBatch(bytes);
  columns.forEach((values, c) => {
    values.forEach((value, i) => {
      if (!Object.is(channels[c]![i], value))
        expect.fail(`row ${i}, channel ${c}: ${String(channels[c]![i])} for ${value}`);
    });
  });
}

function rowsOf(columns: readonly (readonly number[])[]) {
  const rows = columns[0]!.map((_, i) => columns.map((column) => column[i]));
  return { times: rows.map((_, i) => 1000 * i), rows };
}

test.each(widths)("numbers of %i bits, with steps of any size", (bits) => {
  const random = seeded(`delta wide ${bits}`);
  for (let stepBits = 0; stepBits <= bits; stepBits += 3)
    for (const profile of profiles) {
      const columns = [wander(random, 150, bits, stepBits)];
      expectValues(encodeRows(rowsOf(columns), { profile }), columns);
    }
});

test("channels of many widths share one tail", () => {
  const random = seeded("delta wide mix");
  for (let run = 0; run < 60; run++) {
    const columns = Array.from({ length: 6 }, () => {
      const bits = 5 + random.int(47);
      return wander(random, 1 + random.int(3) * 60, bits, random.int(bits + 1));
    }).map((column, _, all) => column.slice(0, Math.min(...all.map((other) => other.length))));
    const profile = random.pick(profiles);
    expectValues(encodeRows(rowsOf(columns), { profile }), columns);
  }
});

test("decimals and significant digits of every width", () => {
  const random = seeded("delta wide decimals");
  for (let run = 0; run < 60; run++) {
    const decimals = random.int(9);
    const digits = 6 + random.int(4);
    const columns = [
      wander(random, 128, 15 + random.int(36), 30).map((k) => k / 10 ** decimals),
      wander(random, 128, 30, 29).map((k) => Number((k / 1e7).toPrecision(digits)) + 0),
    ];
    expectValues(encodeRows(rowsOf(columns), { profile: random.pick(profiles) }), columns);
  }
});

test("a plan that follows a mean is not kept for numbers too wide for it", () => {
  const random = seeded("delta wide mean");
  const encoder = testEncoder(1, { profile: "static" });
  for (const most of [1000, 2 ** 26 - 1, 1000, 2 ** 40]) {
    // Above and below a level that seldom changes: the mean is the best prediction.
    const values = Array.from({ length: 300 }, (_, i) => {
      const level = i % 100 < 50 ? 0.6 : -0.6;
      const swing = (i & 1 ? 0.3 : -0.3) + (fraction(random) - 0.5) / 10;
      return Math.round((level + swing) * most);
    });
    const columns = [values.map((value) => value + 0)];
    rowsOf(columns).rows.forEach((row, i) => {
      encoder.record(1000 * i, row);
    });
    expectValues(encoder.take().bytes, columns);
  }
});

test("a batch of noise never exceeds its limit, and its tail never meets the rest", () => {
  const random = seeded("delta wide limit");
  for (const bytesMax of [32, 33, 64, 100, 257, 1024]) {
    const encoder = testEncoder(2, { bytesMax, rowsMax: 400, crc: true });
    const columns = [wander(random, 400, 40, 38), wander(random, 400, 24, 23)];
    rowsOf(columns).rows.forEach((row, i) => {
      encoder.record(1000 * i, row);
    });
    for (let done = 0; done < 400; ) {
      const { bytes, rows } = encoder.take();
      expect(bytes.length).toBeLessThanOrEqual(bytesMax);
      expectValues(
        bytes,
        columns.map((column) => column.slice(done, done + rows)),
      );
      done += rows;
    }
  }
});

test("a batch that ends before its tail is refused", () => {
  const columns = [wander(seeded("delta wide cut"), 200, 45, 44)];
  const bytes = encodeRows(rowsOf(columns));
  const { bodyOffset } = readHeader(bytes);
  expect(() => decodeBatch(bytes.slice(0, bodyOffset + 40))).toThrow(/no tail left/);
});

test.each([0, 1, 5])("a step of time beyond 31 bits after %i rows", (before) => {
  for (const far of [2 ** 23, 2 ** 32, 2 ** 40, -(2 ** 35)]) {
    let time = 1000;
    const times = Array.from({ length: 9 }, (_, i) => {
      if (i > 0) time += i === before + 1 ? far : 10;
      return time;
    });
    const bytes = encodeRows({ times, rows: times.map(() => [1]) });
    expect([...decodeBatch(bytes).times]).toEqual(times);
  }
});

test("times too far apart for one batch go into several", () => {
  const end = Number.MAX_SAFE_INTEGER;
  const far = [
    [-end, end],
    [0, end, 0],
    [0, end, 1, end - 2, 5],
    [2 ** 52, 0, 2 ** 52],
    [-(2 ** 52), 2 ** 52 - 1, -5, 7],
    [1, 2, 3, 4, -end, 1 - end, end, end - 1],
  ];
  for (const times of far) {
    const encoder = testEncoder(1);
    for (const time of times) encoder.record(time, [1]);
    const decoded: number[] = [];
    while (encoder.rows > 0) decoded.push(...decodeBatch(encoder.take().bytes).times);
    expect(decoded).toEqual(times);
  }
});
