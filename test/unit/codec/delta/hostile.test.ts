// Input that is no batch: a typed error that says what and where, never a guess, never unbounded work.
import { expect, test } from "vitest";
import { decodeBatch } from "../../../../firmware/codec/delta/decoder.ts";
import { writeHeader } from "../../../../firmware/codec/delta/header.ts";
import * as layout from "../../../../firmware/codec/delta/layout.ts";
import { PRIORS } from "../../../../firmware/codec/delta/priors-table.ts";
import { RangeEncoder } from "../../../../firmware/codec/delta/range-encoder.ts";
import { Scale, START_STATE } from "../../../../firmware/codec/delta/scale.ts";
import { GodwitError } from "../../../../firmware/codec/error.ts";
import { encodeRows, randomRows } from "../../../support/delta-batches.ts";
import { fuzz, fuzzCorpus } from "../../../support/delta-fuzz.ts";
import { seeded } from "../../../support/seeded.ts";

const plain = { times: [1000, 2000, 3000], rows: [[1], [2], [3]] };

test("10,000 mutated batches", () => {
  const random = seeded("delta fuzz");
  const { decoded, refused } = fuzz(random, fuzzCorpus(random, 50), 10_000);
  // Both outcomes must occur, or the mutations test nothing.
  expect(decoded).toBeGreaterThan(500);
  expect(refused).toBeGreaterThan(500);
});

test.each([
  ["nothing", [], /header ends early at byte 0/],
  ["version 0", [0x00, 1, 2], /unknown version 0/],
  ["version 7", [0xe0, 1, 2], /unknown version 7/],
  ["an unknown flag", [0x28, 0x80, 1, 0], /unknown flags 128/],
  ["a flag byte without flags", [0x28, 0, 1, 0], /unknown flags 0/],
  ["half a header", [0x20, 5], /header ends early at byte 2/],
  ["a time beyond 53 bits", [0x20, 1, ...Array(9).fill(255), 1], /time beyond 53 bits/],
])("refused: %s", (_, bytes, message) => {
  expect(() => decodeBatch(Uint8Array.from(bytes))).toThrow(message);
  expect(() => decodeBatch(Uint8Array.from(bytes))).toThrow(GodwitError);
});

test("with a CRC every flipped bit and every cut is noticed", () => {
  const bytes = encodeRows(randomRows(seeded("delta crc"), 20, 3), { crc: true });
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = bytes.slice();
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    expect(() => decodeBatch(flipped, { requireCrc: true })).toThrow(GodwitError);
  }
  for (let end = 0; end < bytes.length; end++)
    expect(() => decodeBatch(bytes.slice(0, end), { requireCrc: true })).toThrow(GodwitError);
});

test("rows and channels are bounded before anything is allocated for them", () => {
  // 16,384 rows announced by eight bytes; whatever the body says stays within a million values.
  for (let seed = 0; seed < 40; seed++) {
    const bytes = Uint8Array.from([
      0x20,
      0xff,
      0,
      0,
      (seed * 37) & 255,
      (seed * 91) & 255,
      9,
      seed,
    ]);
    try {
      const { channels, times } = decodeBatch(bytes);
      expect(channels.length * times.length).toBeLessThanOrEqual(1 << 20);
    } catch (error) {
      expect(error).toBeInstanceOf(GodwitError);
    }
  }
});

test("texts are bounded in sum", () => {
  const bytes = new Uint8Array(1_300_000);
  const header = { profile: "static", tick: "ms", hasCrc: false, isLossy: false } as const;
  const body = writeHeader({ ...header, rows: 40, firstTime: 0, timeUnit: 1 }, bytes);
  const pairs = new Uint16Array(640_000);
  const coder = new RangeEncoder(pairs, false, PRIORS);
  coder.start();
  coder.number(layout.T_LENGTH, 1);
  coder.symbol(layout.T_TIME_PLAN, layout.CONSTANT);
  coder.number(layout.T_TIME_FIRST, 0);
  coder.symbol(layout.T_KIND, layout.TEXT);
  coder.symbol(layout.T_FLAGS, 0);
  coder.number(layout.T_SMALL, 20);
  for (let entry = 0; entry < 20; entry++) {
    coder.number(layout.T_LENGTH, 60_000);
    for (let i = 0; i < 60_000; i++) coder.raw(0x61, 8);
  }
  bytes.set(new Uint8Array(pairs.buffer, 0, coder.finish()), body);
  expect(() => decodeBatch(bytes)).toThrow(/texts of more than 1048576 bytes/);
});

test("a view into a larger buffer decodes as the batch alone", () => {
  const bytes = encodeRows(plain, { crc: true });
  const larger = new Uint8Array(bytes.length + 20).fill(0xaa);
  larger.set(bytes, 7);
  expect(decodeBatch(larger.subarray(7, 7 + bytes.length))).toEqual(decodeBatch(bytes));
});

/** A batch of one channel, described by `describe`; all rows have the same time. */
function crafted(describe: (coder: RangeEncoder) => void, rows = 1): Uint8Array {
  const bytes = new Uint8Array(60);
  const header = { profile: "static", tick: "ms", hasCrc: false, isLossy: false } as const;
  const body = writeHeader({ ...header, rows, firstTime: 0, timeUnit: 1 }, bytes);
  const units = new Uint16Array(20);
  const coder = new RangeEncoder(units, false, PRIORS);
  coder.start();
  coder.number(layout.T_LENGTH, 1);
  if (rows > 1) {
    coder.symbol(layout.T_TIME_PLAN, layout.CONSTANT);
    coder.number(layout.T_TIME_FIRST, 0);
  }
  describe(coder);
  bytes.set(new Uint8Array(units.buffer, 0, coder.finish()), body);
  return bytes;
}

test.each([
  ["below zero", 0, 1, /correction 1 past zero in channel 0/],
  ["above zero", 0, 2, undefined],
  ["of a text", layout.TEXT, 81, /unknown flags 2 in channel 0/],
  ["of a boolean", layout.BOOLEAN, 81, /unknown flags 2 in channel 0/],
])("a correction %s", (_, kind, code, message) => {
  const bytes = crafted((coder) => {
    coder.symbol(layout.T_KIND, kind || layout.DECIMAL);
    if (kind === 0) coder.number(layout.T_DECIMALS, 0);
    coder.symbol(layout.T_FLAGS, 2);
    coder.symbol(layout.T_EXACT, 1);
    coder.number(layout.T_ULP, code - 1);
    coder.symbol(layout.T_PLAN, layout.CONSTANT);
    coder.number(layout.T_FIRST, 0);
  });
  if (message) expect(() => decodeBatch(bytes)).toThrow(message);
  else expect(decodeBatch(bytes).channels).toEqual([[5e-324]]);
});

test("a whole number beyond what grids give", () => {
  const whole = (value: number) =>
    crafted((coder) => {
      coder.symbol(layout.T_KIND, layout.DECIMAL);
      coder.number(layout.T_DECIMALS, 1);
      coder.symbol(layout.T_FLAGS, 0);
      coder.symbol(layout.T_PLAN, layout.CONSTANT);
      coder.number(layout.T_FIRST, value);
      coder.raw(0, 1);
    });
  expect(decodeBatch(whole(4.5e15)).channels).toEqual([[4.5e14]]);
  expect(() => decodeBatch(whole(4.5e15 + 1))).toThrow(/number 4500000000000001 in channel 0/);
});

test.each([
  ["a series", 0, layout.SERIES_BITS],
  ["one that follows a mean", 3, layout.MEAN_BITS],
])("%s that leaves its bounds", (_, plan, bits) => {
  const second = (value: number) =>
    crafted((coder) => {
      coder.symbol(layout.T_KIND, layout.DECIMAL);
      coder.number(layout.T_DECIMALS, 0);
      coder.symbol(layout.T_FLAGS, 0);
      coder.symbol(layout.T_PLAN, plan);
      coder.number(layout.T_FIRST, 0);
      coder.number(layout.T_GCD, 0);
      coder.number(layout.T_WIDE, 0);
      const { zeros } = new Scale();
      coder.symbol(zeros[START_STATE]! - layout.ZERO - 1, layout.ESCAPE);
      coder.number(layout.T_ESCAPE, 2 * value - 32);
    }, 2);
  expect(decodeBatch(second(2 ** bits)).channels).toEqual([[0, 2 ** bits]]);
  expect(() => decodeBatch(second(2 ** bits + 1))).toThrow(/value 1 of a series beyond its bounds/);
});
