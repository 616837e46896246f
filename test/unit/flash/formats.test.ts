// ESP file formats: OTA data, and hostile bytes in any of them lead to typed errors only.
import { expect, test } from "vitest";
import { parseImage } from "../../../host-tools/flash/esp/image.ts";
import { encodeNvs } from "../../../host-tools/flash/esp/nvs.ts";
import { parseNvsCsv } from "../../../host-tools/flash/esp/nvs-csv.ts";
import { parseNvs } from "../../../host-tools/flash/esp/nvs-parse.ts";
import { activeSlot, encodeOtadata, parseOtadata } from "../../../host-tools/flash/esp/otadata.ts";
import {
  encodePartitionTable,
  parsePartitionCsv,
  parsePartitionTable,
} from "../../../host-tools/flash/esp/partitions.ts";
import { isDeviceError } from "../../../host-tools/serial/error.ts";
import { prng } from "../../support/bench.ts";
import { noFiles, sampleApp, sampleCsv, sampleNvsCsv } from "../../support/esp-formats.ts";

test("otadata: checksums, slots, damaged and rejected records", () => {
  const word = (sequence: number) =>
    new DataView(encodeOtadata({ sequence, state: 2 }).buffer).getUint32(28, true);
  // Known pairs of sequence and checksum.
  expect([1, 2, 3].map(word)).toEqual([0x4743989a, 0x55f63774, 0xed4a5011]);
  const data = encodeOtadata({ sequence: 3, state: 2 });
  expect(activeSlot(data, 2)).toBe(0);
  data.set(encodeOtadata({ sequence: 4, state: 2 }).subarray(0, 32), 0x1000);
  expect(activeSlot(data, 2)).toBe(1);
  data.set(encodeOtadata({ sequence: 4, state: 3 }).subarray(0, 32), 0x1000);
  expect(activeSlot(data, 2)).toBe(0);
  data[0]! ^= 1;
  expect(parseOtadata(data)[0]).toBeUndefined();
  expect(activeSlot(new Uint8Array(0x2000).fill(0xff), 2)).toBeUndefined();
});

test("hostile bytes lead to typed errors only (seed 21)", () => {
  const next = prng(21);
  const table = encodePartitionTable(parsePartitionCsv(sampleCsv));
  const nvs = encodeNvs(parseNvsCsv(sampleNvsCsv, noFiles), 0x3000);
  for (let round = 0; round < 300; round++) {
    for (const [parse, good] of [
      [parseImage, sampleApp],
      [parsePartitionTable, table],
      [parseNvs, nvs],
      [parseOtadata, encodeOtadata({ sequence: 1, state: 2 })],
    ] as const) {
      const bytes = new Uint8Array(good.subarray(0, next() % (good.length + 1)));
      for (let flip = 0; flip < 4 && bytes.length > 0; flip++)
        bytes[next() % bytes.length] = next();
      try {
        parse(bytes);
      } catch (error) {
        expect(isDeviceError(error), String(error)).toBe(true);
      }
    }
  }
});
