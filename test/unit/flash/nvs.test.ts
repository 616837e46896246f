// NVS partitions: equal to those of Espressif's generator, readable again, refused by line.
import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeNvs } from "../../../host-tools/flash/esp/nvs.ts";
import { parseNvsCsv } from "../../../host-tools/flash/esp/nvs-csv.ts";
import type { NvsEntry } from "../../../host-tools/flash/esp/nvs-format.ts";
import { parseNvs } from "../../../host-tools/flash/esp/nvs-parse.ts";
import { prng } from "../../support/bench.ts";
import { noFiles, sampleNvsCsv, sha256 } from "../../support/esp-formats.ts";

/** Blobs over page ends, strings that just do not fit, two namespaces. */
function largeNvsCsv(): string {
  const next = prng(77);
  const hex = (bytes: number) =>
    Array.from({ length: bytes }, () => (next() & 0xff).toString(16).padStart(2, "0")).join("");
  const rows = ["key,type,encoding,value", "n,namespace,,", `blob,data,hex2bin,${hex(9000)}`];
  for (let i = 0; i < 40; i++) rows.push(`k${i},data,string,${"x".repeat(next() % 300)}`);
  for (let i = 0; i < 60; i++) rows.push(`u${i},data,u32,${next()}`);
  rows.push("m,namespace,,");
  for (const [i, size] of [1, 32, 100, 3000, 3968, 4000].entries()) {
    rows.push(`bl${i},data,hex2bin,${hex(size)}`);
  }
  rows.push(`last,data,string,${"y".repeat(3900)}`);
  return `${rows.join("\n")}\n`;
}

test("NVS partitions equal those of Espressif's generator, byte for byte", () => {
  // Digests of what esp-idf-nvs-partition-gen made of the same CSV texts.
  const small = encodeNvs(parseNvsCsv(sampleNvsCsv, noFiles), 0x6000);
  expect(sha256(small)).toBe("91f4e55c4543694de5c72d12fa2269e5a3dc17186a530f45b6116d111e791368");
  const large = encodeNvs(parseNvsCsv(largeNvsCsv(), noFiles), 0x15000);
  expect(sha256(large)).toBe("e98e0f093d21664eead96fefdebb219d71566de0d0a4f880cc86801c164a1d94");
});

test("what NVS holds can be read again", () => {
  const value = fc.oneof(
    fc.record({
      type: fc.constant("u32" as const),
      value: fc.bigInt({ min: 0n, max: 0xffffffffn }),
    }),
    fc.record({
      type: fc.constant("i64" as const),
      value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    }),
    fc.record({
      type: fc.constant("string" as const),
      value: fc.string({ maxLength: 400 }).map((text) => text.replaceAll("\0", "")),
    }),
    fc.record({ type: fc.constant("blob" as const), value: fc.uint8Array({ maxLength: 6000 }) }),
  );
  const entries = fc
    .array(value, { maxLength: 12 })
    .map((values) =>
      values.map(
        (item, index): NvsEntry => ({ namespace: `n${index % 3}`, key: `k${index}`, ...item }),
      ),
    );
  fc.assert(
    fc.property(entries, (list) => {
      const plain = (all: readonly NvsEntry[]) =>
        all.map((entry) => (entry.type === "blob" ? { ...entry, value: [...entry.value] } : entry));
      expect(plain(parseNvs(encodeNvs(list, 0x20000)))).toEqual(plain(list));
    }),
    { seed: 11, numRuns: 60 },
  );
});

test.each([
  ["key,type,encoding,value\na,data,u8,1\n", "namespace row must come first"],
  ["", "line 1: there is nothing in it"],
  ["key,type,encoding,value\nn,namespace,,\na,data,u8,300\n", "line 3: 'a': 300 does not fit u8"],
  [`key,type,encoding,value\nn,namespace,,\n\na,data,string,${"x".repeat(4000)}\n`, "line 4: 'a'"],
  ["key,type,encoding,value\na-namespace-too-long,namespace,,\na,data,u8,1\n", "line 3: namespace"],
  ["key,type,encoding,value\nn,namespace,,\na,data,u8,1\na,data,u8,2\n", "line 4: 'n/a' is there"],
  ["key,type,encoding,value\nn,namespace,,\na,data,u8,one\n", "line 3: 'one' is no integer"],
  ["key,type,encoding,value\nn,namespace,,\na,data,hex2bin,0g\n", "line 3: hex2bin"],
  ["key,type,encoding,value\nn,namespace,,\na-key-that-is-too-long,data,u8,1\n", "line 3: key"],
  ["a;b\n", "line 1"],
  ['key,type,encoding,value\nn,namespace,,\na,data,string,"x\n', "quotation mark"],
])("NVS input is refused (%#)", (text, message) => {
  expect(() => encodeNvs(parseNvsCsv(text, noFiles), 0x6000)).toThrow(message);
});

test("too many entries for the partition are refused", () => {
  const value = new Uint8Array(9000);
  const entry: NvsEntry = { namespace: "n", key: "k", type: "blob", value };
  expect(() => encodeNvs([entry], 0x3000)).toThrow("need more than 2 pages");
  expect(() => encodeNvs([{ ...entry, line: 7 }], 0x3000)).toThrow("line 7: no room for 'k'");
});
