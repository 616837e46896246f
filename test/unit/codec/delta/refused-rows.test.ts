// Rows that are refused leave no trace, and a channel may change its kind with every batch.
import { expect, test } from "vitest";
import type { DeltaEncoder } from "../../../../firmware/codec/delta/encoder.ts";
import { decode, testEncoder } from "../../../support/delta-batches.ts";

const HALF_PAIR = "\ud800";

function refuse(encoder: DeltaEncoder, time: number, row: unknown[]): void {
  expect(() => encoder.record(time, row)).toThrow(/channel c\d: /);
}

function taken(encoder: DeltaEncoder): unknown[][] {
  return decode(encoder.take().bytes).channels;
}

test("texts of refused rows do not count", () => {
  const encoder = testEncoder(2);
  for (let batch = 0; batch < 2; batch++) {
    for (let i = 0; i < 3; i++) refuse(encoder, 0, [`refused ${i}`, HALF_PAIR]);
    encoder.record(1, ["b", 1]);
    for (let i = 0; i < 3; i++) refuse(encoder, 1, [`refused again ${i}`, HALF_PAIR]);
    encoder.record(2, ["c", 2]);
    encoder.record(3, ["b", 3]);
    expect(taken(encoder)).toEqual([
      ["b", "c", "b"],
      [1, 2, 3],
    ]);
  }
});

test("a NaN in rows that are refused twice is not read as the gap after them", () => {
  const encoder = testEncoder(2, { rowsMax: 8 });
  // Off every simple grid: the next batch is recorded as doubles.
  for (let i = 0; i < 8; i++) encoder.record(i, [Math.PI * (i + 1) * 1e-9, 1]);
  encoder.take();
  encoder.record(0, [1 / 7, 1]);
  for (let i = 0; i < 3; i++) refuse(encoder, 1, [Number.NaN, HALF_PAIR]);
  encoder.record(1, [undefined, 2]);
  expect(taken(encoder)).toEqual([
    [1 / 7, undefined],
    [1, 2],
  ]);
});

test("a refused text does not change how the numbers after it are recorded", () => {
  const encoder = testEncoder(1);
  encoder.record(0, [undefined]);
  refuse(encoder, 1, [HALF_PAIR]);
  encoder.record(1, [21]);
  encoder.record(2, [0.5]);
  expect(taken(encoder)).toEqual([[undefined, 21, 0.5]]);
});

test.each([
  ["flags", true],
  ["texts", "x"],
])("after a batch of %s a channel takes numbers again", (_, other) => {
  // Without a codec for objects, a channel that mixed them would refuse.
  const encoder = testEncoder(1, { encodeObject: undefined as never });
  for (const values of [[other], [undefined, 5.25, Number.NaN], [other, other], [-0]]) {
    values.forEach((value, i) => {
      encoder.record(i, [value]);
    });
    expect(taken(encoder)).toEqual([values]);
  }
});

test("after a batch of objects numbers are as small as before, and keep their tolerance", () => {
  const size = (first: unknown, epsilon?: number): number => {
    const channel = epsilon === undefined ? { name: "a" } : { name: "a", epsilon };
    const encoder = testEncoder(1, { channels: [channel] });
    encoder.record(0, [first]);
    encoder.take();
    const values = Array.from({ length: 100 }, (_, i) => i * i + 0.25);
    values.forEach((value, i) => {
      encoder.record(i, [value]);
    });
    const { bytes } = encoder.take();
    decode(bytes).channels[0]!.forEach((value, i) => {
      expect(Math.abs((value as number) - values[i]!)).toBeLessThanOrEqual(epsilon ?? 0);
    });
    return bytes.length;
  };
  expect(size({ a: 1 })).toBeLessThanOrEqual(size(0) + 4);
  expect(size({ a: 1 }, 0.5)).toBeLessThanOrEqual(size(0, 0.5) + 4);
});
