// Byte limits, prediction, tolerances and what the encoder refuses.
import { expect, test } from "vitest";
import { decodeBatch } from "../../../../firmware/codec/delta/decoder.ts";
import { readHeader } from "../../../../firmware/codec/delta/header.ts";
import { GodwitError } from "../../../../firmware/codec/error.ts";
import { randomRows, testEncoder } from "../../../support/delta-batches.ts";
import { seeded } from "../../../support/seeded.ts";

test("no batch exceeds its limit, every row arrives once and in order", () => {
  const random = seeded("delta limits");
  for (let run = 0; run < 15; run++) {
    const bytesMax = 300 + random.int(2000);
    const { times, rows } = randomRows(random, 400, 3);
    const encoder = testEncoder(3, { bytesMax, rowsMax: 400, crc: random.chance(0.5) });
    rows.forEach((row, i) => {
      encoder.record(times[i]!, row);
    });
    let next = 0;
    while (encoder.rows > 0) {
      const { bytes, rows: taken } = encoder.take();
      expect(bytes.length).toBeLessThanOrEqual(bytesMax);
      expect([...decodeBatch(bytes).times]).toEqual(times.slice(next, next + taken));
      next += taken;
    }
    expect(next).toBe(400);
  }
});

test("a limit is met to the byte", () => {
  const random = seeded("delta exact limit");
  for (let run = 0; run < 10; run++) {
    const { times, rows } = randomRows(random, 60, 2);
    const take = (bytesMax: number) => {
      const encoder = testEncoder(2, { bytesMax, crc: run % 2 === 0 });
      rows.forEach((row, i) => {
        encoder.record(times[i]!, row);
      });
      return encoder.take();
    };
    const size = Math.max(40, take(100_000).bytes.length);
    expect(take(size).rows).toBe(60);
    for (let less = 1; less < 4; less++) {
      const { bytes } = take(size - less);
      expect(bytes.length).toBeLessThanOrEqual(size - less);
    }
  }
});

test("with isFull as the signal a batch fills a block of 4096 bytes", () => {
  const random = seeded("delta block");
  const encoder = testEncoder(4, { bytesMax: 4096, rowsMax: 4000 });
  const sizes: number[] = [];
  let walk = 0;
  for (let i = 0; i < 12_000; i++) {
    walk += random.int(40) - 20;
    encoder.record(i * 1000 + random.int(20), [
      walk,
      walk / 10 + random.int(9),
      i & 1,
      random.int(256),
    ]);
    if (encoder.isFull) sizes.push(encoder.take().bytes.length);
  }
  expect(sizes.length).toBeGreaterThan(8);
  // The first batch has only a guess to go by, the second only a first batch that was far too small.
  for (const size of sizes.slice(2)) expect(size / 4096).toBeGreaterThan(0.9);
  for (const size of sizes) expect(size).toBeLessThanOrEqual(4096);
});

test("a row that never fits is named, and the rows are still there", () => {
  const encoder = testEncoder(8, { bytesMax: 32 });
  encoder.record(1, [0.1234567, 1e300, 2e-300, Math.PI, Math.E, 1e22, 7e99, 5e-7]);
  expect(() => encoder.take()).toThrow(/32 is too small for one row/);
  expect(encoder.rows).toBe(1);
});

test.each([0.05, 0.5, 1e-3, 3, 250])("every decoded value is within %f", (epsilon) => {
  const random = seeded(`delta epsilon ${epsilon}`);
  const encoder = testEncoder(1, { channels: [{ name: "t", epsilon }] });
  const values = Array.from({ length: 400 }, () =>
    random.pick([random.int(1e6) / 997, -random.int(1e6) * Math.PI, 0, -0, 1e200, 4e-9, 77.5]),
  );
  const specials = [Number.NaN, Infinity, -Infinity, undefined];
  [...values, ...specials].forEach((value, i) => {
    encoder.record(i, [value]);
  });
  const { bytes } = encoder.take();
  const decoded = decodeBatch(bytes);
  expect(decoded.header.isLossy).toBe(true);
  values.forEach((value, i) => {
    expect(Math.abs((decoded.channels[0]![i] as number) - value)).toBeLessThanOrEqual(epsilon);
  });
  expect(decoded.channels[0]!.slice(400)).toEqual(specials);
});

test("a tolerance saves bytes", () => {
  const values = Array.from(
    { length: 256 },
    (_, i) => Math.sin(i / 9) * 20 + Math.sin(i * 77) / 10,
  );
  const size = (epsilon?: number): number => {
    const channel = epsilon === undefined ? { name: "t" } : { name: "t", epsilon };
    const encoder = testEncoder(1, { channels: [channel] });
    values.forEach((value, i) => {
      encoder.record(i, [value]);
    });
    return encoder.take().bytes.length;
  };
  expect(size(0.05)).toBeLessThan(size() / 4);
});

test("the header can be read without decoding", () => {
  const encoder = testEncoder(1, { schemaHash: 0xbeef, crc: true, tick: "us", profile: "static" });
  encoder.record(1_700_000_000_123_456, [1]);
  encoder.record(1_700_000_000_123_999, [2]);
  expect(readHeader(encoder.take().bytes)).toMatchObject({
    profile: "static",
    tick: "us",
    schemaHash: 0xbeef,
    hasCrc: true,
    isLossy: false,
    rows: 2,
    firstTime: 1_700_000_000_123_456,
  });
});

test.each([
  [
    "two channels of one name",
    { channels: [{ name: "a" }, { name: "a" }] },
    /two channels named a/,
  ],
  ["a tolerance of zero", { channels: [{ name: "a", epsilon: 0 }] }, /channel a: epsilon 0/],
  ["no rows", { rowsMax: 0 }, /rowsMax 0/],
  ["too many rows", { rowsMax: 20_000 }, /rowsMax 20000/],
  ["a batch too small for anything", { bytesMax: 8 }, /bytesMax 8/],
  [
    "too many channels",
    { channels: Array.from({ length: 257 }, (_, i) => ({ name: `${i}` })) },
    /257 channels/,
  ],
])("refused: %s", (_, options, message) => {
  expect(() => testEncoder(1, options)).toThrow(message);
  expect(() => testEncoder(1, options)).toThrow(GodwitError);
});

test.each([Number.NaN, 1.5, 2 ** 53, Infinity])(
  "the time %f is refused, nothing is lost",
  (time) => {
    const encoder = testEncoder(1);
    encoder.record(1, [1]);
    expect(() => encoder.record(time, [2])).toThrow(/is not a whole number of ticks/);
    expect(encoder.rows).toBe(1);
  },
);

test("more rows than there is room for are refused, nothing is lost", () => {
  const encoder = testEncoder(1, { rowsMax: 2 });
  encoder.record(1, [1]);
  encoder.record(2, [1]);
  expect(() => encoder.record(3, [1])).toThrow(/2 rows wait/);
  expect(encoder.take().rows).toBe(2);
});

test("an object without a codec for objects names the channel", () => {
  const encoder = testEncoder(1, { channels: [{ name: "o" }], encodeObject: undefined as never });
  expect(() => encoder.record(1, [{ a: 1 }])).toThrow(/channel o/);
  encoder.record(1, [5]);
  expect(decodeBatch(encoder.take().bytes).channels).toEqual([[5]]);
});
