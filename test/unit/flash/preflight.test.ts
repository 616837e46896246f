// What a job is refused for before anything is erased: chip, place, room, the table in force.
import { expect, test } from "vitest";
import { demoFirmware } from "../../../host-tools/emulator/bench/demo-firmware.ts";
import {
  encodePartitionTable,
  parsePartitionCsv,
} from "../../../host-tools/flash/esp/partitions.ts";
import { preflight } from "../../../host-tools/flash/esp/preflight.ts";
import { targetById } from "../../../host-tools/flash/esp/targets-table.ts";
import { isDeviceError } from "../../../host-tools/serial/error.ts";

const c3 = targetById("esp32c3")!;

const files = demoFirmware(c3);
const job = { target: c3, flashBytes: 4 << 20 };

test("a good job passes the checks", () => {
  expect(preflight(files, job)?.map((row) => row.name)).toContain("app0");
});

test.each([
  ["wrong-chip", files, { ...job, target: targetById("esp32")! }],
  ["does-not-fit", files, { ...job, flashBytes: 1 << 20 }],
  ["overlap", [...files, { ...files[2]!, offset: 0x14000 }], job],
  ["does-not-fit", [files[1]!, { ...files[2]!, offset: 0x20000 }], job],
  [
    "does-not-fit",
    [files[1]!, { name: "big.bin", offset: 0xd000, bytes: new Uint8Array(0x2001) }],
    job,
  ],
  ["bad-image", [{ ...files[2]!, bytes: files[2]!.bytes.subarray(0, 1000) }], job],
  [
    "bad-input",
    [{ ...files[1]!, bytes: files[1]!.bytes.map((byte, at) => (at === 9 ? 1 : byte)) }],
    job,
  ],
])("a job is refused before anything is erased: %s", (code, regions, options) => {
  try {
    preflight(regions, options);
    expect.unreachable("it was accepted");
  } catch (error) {
    expect(isDeviceError(error) ? error.code : error).toBe(code);
    expect(isDeviceError(error) && error.hint).toBeTruthy();
  }
});

test("the table on the board counts when the job brings none", () => {
  const currentTable = files[1]!.bytes;
  const big = { name: "big.bin", offset: 0xd000, bytes: new Uint8Array(0x2001) };
  expect(() => preflight([big], { ...job, currentTable })).toThrow("partition 'otadata'");
  const blank = new Uint8Array(0xc00).fill(0xff);
  expect(preflight([big], { ...job, currentTable: blank })).toBeUndefined();
});

const currentTable = files[1]!.bytes;
const raw = (offset: number, size: number) => ({
  name: "raw.bin",
  offset,
  bytes: new Uint8Array(size),
});

test.each([
  ["an image over table and NVS", { ...files[2]!, offset: 0 }, "partition table at 0x8000"],
  ["raw data over the table", raw(0x4000, 36 << 10), "partition table at 0x8000"],
  ["the table's last bytes", raw(0x8bff, 2), "partition table at 0x8000"],
  ["the rest of the table's sector and more", raw(0x8c00, 0x401), "partition table at 0x8000"],
])("%s is refused, whatever the board has", (_, region, message) => {
  expect(() => preflight([region], job)).toThrow(message);
  expect(() => preflight([region], { ...job, currentTable })).toThrow(message);
  expect(() => preflight([region, files[1]!], { ...job })).toThrow();
});

test("between the partitions a file may go up to the next one", () => {
  const table = encodePartitionTable(
    parsePartitionCsv("a,data,nvs,0x9000,4K\nb,data,phy,0xc000,4K"),
  );
  const options = { ...job, currentTable: table };
  expect(() => preflight([raw(0xa000, 0x2001)], options)).toThrow("partition 'b' at 0xc000");
  expect(() =>
    preflight([raw(0xa000, 0x2000), raw(0xd000, 0x9000), raw(0x8c00, 0x400)], options),
  ).not.toThrow();
});

test("a merged image counts by the table inside it; a whole flash by its size", () => {
  const whole = (size: number) => {
    const bytes = new Uint8Array(size).fill(0xff);
    for (const file of files) bytes.set(file.bytes, file.offset);
    return { name: "merged.bin", offset: 0, bytes };
  };
  const other = encodePartitionTable(parsePartitionCsv("only,app,factory,0x10000,4K"));
  const merged = whole(0x1c153);
  expect(preflight([merged], { ...job, currentTable: other })?.map(({ name }) => name)).toContain(
    "app0",
  );
  expect(() => preflight([merged, raw(0x10ffff, 2)], { ...job, currentTable: other })).toThrow(
    "'app0'",
  );
  const damaged = whole(0x1c153);
  damaged.bytes[0x8009]! ^= 1;
  expect(() => preflight([damaged], job)).toThrow("MD5 row");
  expect(() => preflight([raw(0, 4 << 20)], { ...job, currentTable })).not.toThrow();
  expect(() => preflight([raw(0, 2 << 20)], { ...job, currentTable })).toThrow("partition table");
});
