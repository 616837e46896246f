// Delta batches for tests: rows of every kind of value, encoded and decoded in one call.
import { encodeCbor } from "../../firmware/codec/cbor.ts";
import { decodeCbor } from "../../firmware/codec/cbor-decode.ts";
import type { DecodedBatch } from "../../firmware/codec/delta/decoded-batch.ts";
import { decodeBatch } from "../../firmware/codec/delta/decoder.ts";
import { DeltaEncoder, type DeltaEncoderOptions } from "../../firmware/codec/delta/encoder.ts";
import type { Seeded } from "./seeded.ts";

export interface TestRows {
  times: number[];
  rows: unknown[][];
}

export type TestOptions = Partial<DeltaEncoderOptions>;

/** An encoder for `width` channels called c0, c1, ... */
export function testEncoder(width: number, options: TestOptions = {}): DeltaEncoder {
  return new DeltaEncoder({
    channels: Array.from({ length: width }, (_, i) => ({ name: `c${i}` })),
    profile: "adaptive",
    tick: "ms",
    rowsMax: 512,
    bytesMax: 100_000,
    encodeObject: (value) => encodeCbor(value as never),
    ...options,
  });
}

export function encodeRows({ times, rows }: TestRows, options: TestOptions = {}): Uint8Array {
  const encoder = testEncoder(options.channels?.length ?? rows[0]?.length ?? 0, options);
  rows.forEach((row, i) => {
    encoder.record(times[i]!, row);
  });
  return encoder.take().bytes;
}

export function decode(bytes: Uint8Array): DecodedBatch {
  return decodeBatch(bytes, { decodeObject: (blob) => decodeCbor(blob) });
}

/** Values of `kind` that follow one another as in nature: mostly small steps. */
function series(random: Seeded, kind: string, count: number): unknown[] {
  let walk = random.int(2000) - 1000;
  return Array.from({ length: count }, () => {
    walk += random.int(11) - 5;
    if (random.chance(0.01)) walk *= 1 + random.int(1000);
    switch (kind) {
      case "integer":
        return walk;
      case "decimal":
        return walk / 100;
      case "ulp":
        return walk * 1.15078;
      case "mean":
        return walk / 3;
      case "float32":
        return Math.fround(walk * 0.1234567);
      case "digits":
        return Number((walk * 0.0012345678).toPrecision(7));
      case "double":
        return walk * Math.PI * 10 ** (random.int(40) - 20);
      case "big":
        return walk * 2 ** (20 + random.int(33));
      case "special":
        return random.pick([0, -0, Number.NaN, Infinity, -Infinity, 5e-324, -5e-324, 1.7e308]);
      case "boolean":
        return walk > 0;
      case "text":
        return random.pick(["idle", "heizen", "größer", "", "日本"]);
      case "object":
        return random.pick([{ a: 1 }, [1, "b"], { a: [true] }]);
      case "mixed":
        return random.pick([1, 2.5, "x", true, -0, Number.NaN, { k: 1 }]);
      default:
        return undefined;
    }
  });
}

export const kinds = [
  "integer",
  "decimal",
  "ulp",
  "mean",
  "float32",
  "digits",
  "double",
  "big",
  "special",
  "boolean",
  "text",
  "object",
  "mixed",
  "nothing",
] as const;

/** Rows of random kinds with gaps, and times that jitter, jump, repeat and go backwards. */
export function randomRows(random: Seeded, count: number, width: number): TestRows {
  const columns = Array.from({ length: width }, () => {
    const values = series(random, random.pick(kinds), count);
    const gaps = random.pick([0, 0, 0, 0.1, 0.9]);
    return values.map((value) => (random.chance(gaps) ? undefined : value));
  });
  const step = random.pick([1, 1000, 60_000, 3_600_000, 16]);
  const jitter = random.pick([0, 0, 3]);
  let time = random.pick([0, -5, 1_700_000_000_000, 1_700_000_000_000_000]) + random.int(1000);
  const times = Array.from({ length: count }, () => {
    time += step + random.int(jitter + 1);
    if (random.chance(0.01)) time += random.pick([-10_000, 0, 86_400_000, 2 ** 40]);
    return time;
  });
  return { times, rows: times.map((_, i) => columns.map((column) => column[i])) };
}
