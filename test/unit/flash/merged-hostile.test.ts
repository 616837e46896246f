// Mutated and shuffled merged images: refused with a typed error, or booted by a virtual board.
import { expect, test } from "vitest";
import { espBoot } from "../../../host-tools/emulator/bench/esp-boot.ts";
import { NorFlash } from "../../../host-tools/emulator/bench/nor-flash.ts";
import { VirtualClock } from "../../../host-tools/emulator/bench/virtual-clock.ts";
import { chipIdOf } from "../../../host-tools/flash/esp/merged.ts";
import type { FlashRegion } from "../../../host-tools/flash/esp/regions.ts";
import { isDeviceError } from "../../../host-tools/serial/error.ts";
import { prng } from "../../support/bench.ts";
import {
  app,
  bootloader,
  c3,
  damaged,
  esp32,
  filesOf,
  flashBytes,
  foreignApp,
  largeApp,
  merge,
  raw,
  refusalOf,
  second,
  table,
} from "../../support/merged-images.ts";

test("hostile merged images end accepted or with a typed error (seed 5)", () => {
  const next = prng(5);
  const good = merge([bootloader, table, app]);
  const places = [0, 0x8000, 0x10000];
  const ends = new Map<string, number>();
  for (let round = 0; round < 300; round++) {
    const bytes = new Uint8Array(good.bytes.subarray(0, 1 + (next() % good.bytes.length)));
    for (let flip = 0; flip < 3; flip++) {
      const at = places[next() % 3]! + (next() % 256);
      if (at < bytes.length) bytes[at] = next();
    }
    const end = refusalOf({ ...good, bytes })?.code ?? "accepted";
    ends.set(end, (ends.get(end) ?? 0) + 1);
    try {
      chipIdOf({ ...good, bytes });
    } catch (error) {
      expect(isDeviceError(error), String(error)).toBe(true);
    }
  }
  expect([...ends.keys()]).toEqual(expect.arrayContaining(["bad-image", "bad-input"]));
});

test("what is accepted boots: mutated and shuffled merged images on a virtual board (seed 9)", () => {
  const next = prng(9);
  const pick = <T>(...from: readonly T[]): T => from[next() % from.length]!;
  const bad = (file: FlashRegion) => damaged(file, next() % file.bytes.length);
  const shifted = (file: FlashRegion) => ({ ...file, offset: file.offset + (next() % 3) * 0x1000 });
  let booted = 0;
  for (let round = 0; round < 70; round++) {
    const rarely = (file: FlashRegion, ...others: readonly FlashRegion[]) =>
      next() % 3 > 0 ? file : pick(...others);
    const parts = [
      rarely(bootloader, bad(bootloader), shifted(bootloader), filesOf(esp32)[0]!),
      rarely(table, bad(table)),
      rarely(app, bad(app), shifted(app), foreignApp, largeApp, raw(0x10000, 1 + (next() % 9000))),
      rarely(second(app), second(bad(app)), second(foreignApp), raw(0x110000, 50, 0xff)),
    ];
    const region = merge(parts, 0, pick(0, 0, flashBytes));
    if (refusalOf(region)) continue;
    const flash = new NorFlash(flashBytes, new Uint8Array(flashBytes).fill(0xff));
    flash.bytes.set(region.bytes);
    let log = "";
    const print = (text: string) => {
      log += text;
    };
    espBoot(new Map())({ clock: new VirtualClock(), flash, target: c3, print })();
    expect(log, `round ${round}`).toContain("Loaded app from partition at offset 0x10000");
    booted++;
  }
  expect(booted).toBeGreaterThan(15);
});
