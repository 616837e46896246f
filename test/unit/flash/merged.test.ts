// Merged images are judged by what is in them: each image's chip, its wholeness, the border of its partition.
import { expect, test } from "vitest";
import { demoFirmware } from "../../../host-tools/emulator/bench/demo-firmware.ts";
import { espBoot } from "../../../host-tools/emulator/bench/esp-boot.ts";
import { NorFlash } from "../../../host-tools/emulator/bench/nor-flash.ts";
import { VirtualClock } from "../../../host-tools/emulator/bench/virtual-clock.ts";
import { chipIdOf } from "../../../host-tools/flash/esp/merged.ts";
import { encodeOtadata } from "../../../host-tools/flash/esp/otadata.ts";
import {
  encodePartitionTable,
  parsePartitionCsv,
} from "../../../host-tools/flash/esp/partitions.ts";
import { preflight } from "../../../host-tools/flash/esp/preflight.ts";
import type { FlashRegion } from "../../../host-tools/flash/esp/regions.ts";
import type { EspTarget } from "../../../host-tools/flash/esp/target.ts";
import { espTargets, targetById } from "../../../host-tools/flash/esp/targets-table.ts";
import { isDeviceError } from "../../../host-tools/serial/error.ts";
import { prng } from "../../support/bench.ts";

const c3 = targetById("esp32c3")!;
const s3 = targetById("esp32s3")!;
const esp32 = targetById("esp32")!;
const flashBytes = 4 << 20;

function filesOf(target: EspTarget, appBytes = 48 * 1024): FlashRegion[] {
  return demoFirmware(target, { appBytes });
}

/** One file of several, as merging tools write it: 0xFF between them, from `from` to the last byte or `size`. */
function merge(files: readonly FlashRegion[], from = 0, size = 0): FlashRegion {
  const end = Math.max(...files.map(({ offset, bytes }) => offset + bytes.length));
  const bytes = new Uint8Array(Math.max(end - from, size)).fill(0xff);
  for (const file of files) bytes.set(file.bytes, file.offset - from);
  return { name: "merged.bin", offset: from, bytes };
}

function refusalOf(region: FlashRegion, target = c3, size = flashBytes) {
  try {
    preflight([region], { target, flashBytes: size });
    return undefined;
  } catch (error) {
    if (!isDeviceError(error)) throw error;
    expect(error.hint).toBeTruthy();
    return { code: error.code, message: error.message };
  }
}

const [bootloader, table, app] = filesOf(c3) as [FlashRegion, FlashRegion, FlashRegion];
const foreignApp = filesOf(s3)[2]!;
const largeApp = filesOf(c3, (1 << 20) + 4096)[2]!;
const raw = (offset: number, size: number, byte = 0x40): FlashRegion => ({
  name: "raw.bin",
  offset,
  bytes: new Uint8Array(size).fill(byte),
});
const damaged = (file: FlashRegion, at: number): FlashRegion => {
  const bytes = new Uint8Array(file.bytes);
  bytes[at]! ^= 1;
  return { ...file, bytes };
};

test.each(espTargets)(
  "a good merged image of $id passes, in each form that tools write",
  (chip) => {
    const files = filesOf(chip);
    const { bootloaderOffset } = chip;
    for (const region of [
      merge(files),
      merge(files, bootloaderOffset),
      merge(files, 0, flashBytes),
      merge([...files, { ...files[2]!, offset: 0x110000 }]),
      merge(files.slice(0, 2), bootloaderOffset),
      merge(files.slice(1), 0x8000),
      merge([...files, raw(0x110000, 1 << 20, 0)]),
    ]) {
      expect(refusalOf(region, chip)).toBeUndefined();
    }
    expect(chipIdOf(merge(files))).toBe(chip.chipId);
  },
);

const second = (file: FlashRegion) => ({ ...file, offset: 0x110000 });

test.each([
  [
    "an application for another chip",
    merge([bootloader, table, foreignApp]),
    "wrong-chip",
    "'app0' at 0x10000 in merged.bin was built for ESP32-S3, the board is ESP32-C3",
  ],
  [
    "another chip in a later slot",
    merge([bootloader, table, app, second(foreignApp)]),
    "wrong-chip",
    "'app1' at 0x110000 in merged.bin was built for ESP32-S3",
  ],
  [
    "the same in a file of the flash's size",
    merge([bootloader, table, app, second(foreignApp)], 0, flashBytes),
    "wrong-chip",
    "'app1' at 0x110000",
  ],
  [
    "another chip without a bootloader of its own",
    merge([table, foreignApp], 0x8000),
    "wrong-chip",
    "'app0' at 0x10000",
  ],
  [
    "a bootloader for a chip that starts elsewhere",
    merge(filesOf(esp32).slice(0, 2)),
    "wrong-chip",
    "bootloader at 0x1000 in merged.bin was built for ESP32,",
  ],
  [
    "a bootloader where the chip does not look",
    merge([{ ...bootloader, offset: 0x1000 }, table]),
    "does-not-fit",
    "merged.bin has its bootloader at 0x1000, ESP32-C3 starts at 0x0",
  ],
  [
    "an application larger than its partition",
    merge([bootloader, table, largeApp]),
    "does-not-fit",
    `'app0' at 0x10000 in merged.bin needs ${largeApp.bytes.length} bytes, its place ends after 1048576 at 0x110000`,
  ],
  [
    "the same with its end cut by the next file",
    merge([bootloader, table, largeApp, second(app)]),
    "does-not-fit",
    "'app0' at 0x10000 in merged.bin needs",
  ],
  [
    "a damaged application",
    merge([bootloader, table, damaged(app, 300)]),
    "bad-image",
    "'app0' at 0x10000 in merged.bin is no valid ESP image: checksum",
  ],
  [
    "a damaged bootloader",
    merge([damaged(bootloader, 300), table, app], 0, flashBytes),
    "bad-image",
    "bootloader at 0x0 in merged.bin is no valid ESP image",
  ],
  [
    "an application beside its partition's start",
    merge([bootloader, table, { ...app, offset: 0x20000 }]),
    "bad-image",
    "'app0' at 0x10000 in merged.bin holds data but no image: its header is blank",
  ],
  [
    "something else than an application",
    merge([bootloader, table, raw(0x10000, 9000)]),
    "bad-image",
    "'app0' at 0x10000 in merged.bin holds data but no image: it starts with something else",
  ],
  [
    "an application that the file's end cuts",
    merge([bootloader, table, { ...app, bytes: app.bytes.subarray(0, 20_000) }]),
    "bad-image",
    "ends behind the file",
  ],
  [
    "a table that the file's end cuts",
    { ...merge([bootloader, table]), bytes: merge([bootloader, table]).bytes.subarray(0, 0x8040) },
    "bad-input",
    "entry 2 at 0x40: cut off",
  ],
] as const)("%s is refused", (_, region, code, message) => {
  expect(refusalOf(region)).toMatchObject({ code, message: expect.stringContaining(message) });
});

test("a C3's merged image on chips that start elsewhere is told as the wrong chip", () => {
  for (const target of espTargets.filter(({ id }) => id !== "esp32c3")) {
    const refusal = refusalOf(merge([bootloader, table, app]), target);
    expect(refusal, target.id).toMatchObject({
      code: "wrong-chip",
      message: expect.stringContaining(`was built for ESP32-C3, the board is ${target.name}`),
    });
  }
});

test("a whole flash comes back with rubbish in a spare slot, but not in the one that boots", () => {
  const rubbish = [
    second(damaged(app, 300)),
    raw(0x110000, 4096),
    { ...second(app), bytes: app.bytes.subarray(0, 20_000) },
    { ...second(app), offset: 0x111000 },
  ];
  for (const slot of rubbish) {
    const files = [bootloader, table, app, slot];
    expect(refusalOf(merge(files, 0, flashBytes)), "the whole flash").toBeUndefined();
    expect(refusalOf(merge(files)), "a part of it").toMatchObject({ code: "bad-image" });
    const otadata = { ...table, offset: 0xd000, bytes: encodeOtadata({ sequence: 2, state: 2 }) };
    const booting = merge([...files, otadata], 0, flashBytes);
    expect(refusalOf(booting), "the slot that boots").toMatchObject({ code: "bad-image" });
  }
});

test.each(espTargets)(
  "a merged image of $id at another offset is refused with the right one",
  (chip) => {
    const files = filesOf(chip);
    for (const from of new Set([0, chip.bootloaderOffset])) {
      for (const offset of [0x10000, 0x110000, 0x1800]) {
        const refusal = refusalOf({ ...merge(files, from), offset }, chip);
        const place = `it belongs at 0x${from.toString(16)}, not at 0x${offset.toString(16)}`;
        expect(refusal, place).toMatchObject({
          code: "does-not-fit",
          message: expect.stringContaining(place),
        });
      }
    }
  },
);

test("a table's file that runs on behind its sector is refused, unless it is partitions on purpose", () => {
  const runningOn = (size: number) => merge([table, raw(0x9000, size - 0x1000)], 0x8000, size);
  for (const size of [0x1001, 0x7001, 0x7fff]) {
    expect(refusalOf(runningOn(size))).toMatchObject({
      code: "does-not-fit",
      message: expect.stringMatching(/^merged\.bin starts with a partition table and runs on to/),
    });
  }
  expect(refusalOf(runningOn(40 << 10))).toMatchObject({ code: "bad-image" });
  // Up to the end of `otadata`: what `godwit flash read` saved.
  expect(refusalOf(runningOn(0x7000))).toBeUndefined();
  expect(refusalOf({ ...table, bytes: table.bytes.subarray(0, 64) })).toMatchObject({
    message: expect.stringContaining("cut off"),
  });
  expect(refusalOf(merge([table], 0x8000, 0x1000))).toBeUndefined();
});

test("rows for a second bootloader are places of images too", () => {
  const rows = "b,bootloader,ota,0x200000,32K\na,app,factory,0x10000,1M\n";
  const layout = { ...table, bytes: encodePartitionTable(parsePartitionCsv(rows)) };
  const at = (file: FlashRegion) => merge([bootloader, layout, app, { ...file, offset: 0x200000 }]);
  expect(refusalOf(at(bootloader))).toBeUndefined();
  expect(refusalOf(at(filesOf(s3)[0]!))).toMatchObject({ code: "wrong-chip" });
  expect(refusalOf(at(app))).toMatchObject({ code: "does-not-fit" });
});

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
  for (let round = 0; round < 150; round++) {
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
  expect(booted).toBeGreaterThan(30);
});
