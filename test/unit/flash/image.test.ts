// ESP application images: what is written can be read, and every damage is refused.
import { expect, test } from "vitest";
import {
  parseImage,
  patchFlashSettings,
  requireChip,
} from "../../../host-tools/flash/esp/image.ts";
import { targetById } from "../../../host-tools/flash/esp/targets-table.ts";
import { prng } from "../../support/bench.ts";
import { sampleApp, sha256 } from "../../support/esp-formats.ts";

const c3 = targetById("esp32c3")!;

test("an image holds what was put into it", () => {
  const parsed = parseImage(sampleApp);
  expect(parsed).toMatchObject({
    chipId: 5,
    entry: 0x40380000,
    size: sampleApp.length,
    flashMode: "dio",
  });
  expect(parsed.descriptor).toMatchObject({ project: "thermostat", version: "2.1.0" });
  expect(sampleApp.length % 16).toBe(0);
});

test("changed flash settings come with a digest that matches", () => {
  const patched = patchFlashSettings(sampleApp, c3, {
    mode: "qio",
    frequency: "80m",
    sizeMegabytes: 8,
  });
  expect(parseImage(patched)).toMatchObject({ flashMode: "qio", flashSizeMegabytes: 8 });
  expect([patched[2], patched[3]]).toEqual([0, 0x3f]);
  const content = patched.subarray(0, patched.length - 32);
  expect(sha256(content)).toBe(Buffer.from(patched.subarray(-32)).toString("hex"));
  expect(() => patchFlashSettings(sampleApp, c3, { frequency: "81m" })).toThrow(
    "no flash frequency",
  );
});

test("every flipped bit in an image is noticed (seed 3)", () => {
  const next = prng(3);
  for (let round = 0; round < 200; round++) {
    const damaged = new Uint8Array(sampleApp);
    damaged[next() % damaged.length]! ^= 1 << (next() % 8);
    expect(() => parseImage(damaged)).toThrow(/valid ESP image/);
  }
  for (let length = 0; length < sampleApp.length; length += 13) {
    expect(() => parseImage(sampleApp.subarray(0, length))).toThrow(/valid ESP image/);
  }
});

test("an image for another chip is refused by name", () => {
  expect(() => requireChip(parseImage(sampleApp), targetById("esp32s3")!, "app.bin")).toThrow(
    "app.bin was built for ESP32-C3, the board is ESP32-S3",
  );
});
