// Merged images are judged by what is in them: each image's chip, its wholeness, the border of its partition.
import { expect, test } from "vitest";
import { chipIdOf } from "../../../host-tools/flash/esp/merged.ts";
import { encodeOtadata } from "../../../host-tools/flash/esp/otadata.ts";
import {
  encodePartitionTable,
  parsePartitionCsv,
} from "../../../host-tools/flash/esp/partitions.ts";
import type { FlashRegion } from "../../../host-tools/flash/esp/regions.ts";
import { espTargets } from "../../../host-tools/flash/esp/targets-table.ts";
import {
  app,
  bootloader,
  damaged,
  esp32,
  filesOf,
  flashBytes,
  foreignApp,
  largeApp,
  merge,
  raw,
  refusalOf,
  s3,
  second,
  table,
} from "../../support/merged-images.ts";

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
