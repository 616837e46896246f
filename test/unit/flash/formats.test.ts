// ESP file formats: what is written can be read, equals other tools' output, and hostile bytes are refused.
import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { demoFirmware } from "../../../host-tools/emulator/bench/demo-firmware.ts";
import {
  buildDescriptor,
  buildImage,
  parseImage,
  patchFlashSettings,
  requireChip,
} from "../../../host-tools/flash/esp/image.ts";
import { encodeNvs } from "../../../host-tools/flash/esp/nvs.ts";
import { parseNvsCsv } from "../../../host-tools/flash/esp/nvs-csv.ts";
import type { NvsEntry } from "../../../host-tools/flash/esp/nvs-format.ts";
import { parseNvs } from "../../../host-tools/flash/esp/nvs-parse.ts";
import { activeSlot, encodeOtadata, parseOtadata } from "../../../host-tools/flash/esp/otadata.ts";
import {
  encodePartitionTable,
  parsePartitionCsv,
  parsePartitionTable,
  partitionsToCsv,
} from "../../../host-tools/flash/esp/partitions.ts";
import { preflight } from "../../../host-tools/flash/esp/preflight.ts";
import { targetById } from "../../../host-tools/flash/esp/targets-table.ts";
import { isDeviceError } from "../../../host-tools/serial/error.ts";
import { prng } from "../../support/bench.ts";

const c3 = targetById("esp32c3")!;
const noFiles = () => {
  throw new Error("no files here");
};

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

const image = buildImage({
  chipId: 5,
  entry: 0x40380000,
  segments: [
    { address: 0x3c000020, bytes: buildDescriptor("thermostat", "2.1.0") },
    { address: 0x40380000, bytes: new Uint8Array(1000).fill(7) },
  ],
});

test("an image holds what was put into it", () => {
  const parsed = parseImage(image);
  expect(parsed).toMatchObject({
    chipId: 5,
    entry: 0x40380000,
    size: image.length,
    flashMode: "dio",
  });
  expect(parsed.descriptor).toMatchObject({ project: "thermostat", version: "2.1.0" });
  expect(image.length % 16).toBe(0);
});

test("changed flash settings come with a digest that matches", () => {
  const patched = patchFlashSettings(image, c3, {
    mode: "qio",
    frequency: "80m",
    sizeMegabytes: 8,
  });
  expect(parseImage(patched)).toMatchObject({ flashMode: "qio", flashSizeMegabytes: 8 });
  expect([patched[2], patched[3]]).toEqual([0, 0x3f]);
  const content = patched.subarray(0, patched.length - 32);
  expect(sha256(content)).toBe(Buffer.from(patched.subarray(-32)).toString("hex"));
  expect(() => patchFlashSettings(image, c3, { frequency: "81m" })).toThrow("no flash frequency");
});

test("every flipped bit in an image is noticed (seed 3)", () => {
  const next = prng(3);
  for (let round = 0; round < 200; round++) {
    const damaged = new Uint8Array(image);
    damaged[next() % damaged.length]! ^= 1 << (next() % 8);
    expect(() => parseImage(damaged)).toThrow(/valid ESP image/);
  }
  for (let length = 0; length < image.length; length += 13) {
    expect(() => parseImage(image.subarray(0, length))).toThrow(/valid ESP image/);
  }
});

test("an image for another chip is refused by name", () => {
  expect(() => requireChip(parseImage(image), targetById("esp32s3")!, "app.bin")).toThrow(
    "app.bin was built for ESP32-C3, the board is ESP32-S3",
  );
});

const rowsOf = (count: number) =>
  Array.from({ length: count }, (_, row) => `p${row},data,0x99,,4K\n`).join("");

const csv = `# name,type,subtype,offset,size,flags
nvs,data,nvs,,0x6000,
phy_init,data,phy,,4K,readonly
factory,app,factory,,1M,
secret,data,0x99,,8K,encrypted
`;

test("a partition table survives CSV, binary and back", () => {
  const rows = parsePartitionCsv(csv);
  expect(rows.map((row) => row.offset)).toEqual([0x9000, 0xf000, 0x10000, 0x110000]);
  const binary = encodePartitionTable(rows);
  expect(binary.length).toBe(0xc00);
  expect(parsePartitionTable(binary)).toEqual(rows);
  expect(parsePartitionCsv(partitionsToCsv(rows))).toEqual(rows);
  // The row after the last one: its mark, and the MD5 of the rows before it.
  const end = rows.length * 32;
  expect([...binary.subarray(end, end + 2)]).toEqual([0xeb, 0xeb]);
  const md5 = createHash("md5").update(binary.subarray(0, end)).digest();
  expect(Buffer.from(binary.subarray(end + 16, end + 32))).toEqual(md5);
});

test.each([
  ["a,app,factory,0x9000,1M", "not aligned"],
  ["a,data,nvs,0x9000,0x6000\nb,data,phy,0xa000,4K", "inside 'b'"],
  ["a,data,nvs,0x9000,4K\na,data,nvs,0xa000,4K", "twice"],
  ["a,data,nvs,0x9000,many", "line 1: size 'many'"],
  ["a,what,nvs,0x9000,4K", "line 1: type 'what'"],
  ["much-too-long-a-name,data,nvs,0x9000,4K", "1 to 16 bytes"],
  ["a,data,nvs,0x9000,4K,shiny", "unknown flag 'shiny'"],
  [
    "a,data,nvs,0x9000,4K\n\n# low\nb,data,phy,0x8000,4K",
    "line 4: 'b' at 0x8000 lies in the bootloader",
  ],
  ["a,data,nvs,0x0,4K", "line 1: 'a' at 0x0"],
  ["a,app,factory,0,1M", "line 1: 'a' at 0x0"],
  ["b,bootloader,primary,0,0xa000", "line 1: 'b' ends at 0xa000"],
  [rowsOf(96), "line 96: the table's sector holds 95 entries"],
  ["", "empty"],
])("a table is refused: %j", (text, message) => {
  expect(() => parsePartitionCsv(text)).toThrow(message);
});

test("a binary table that cannot work is refused by its entry", () => {
  const full = encodePartitionTable(parsePartitionCsv(rowsOf(95)));
  expect(parsePartitionTable(full)).toHaveLength(95);
  const endless = new Uint8Array(full);
  endless.copyWithin(95 * 32, 94 * 32, 95 * 32);
  expect(() => parsePartitionTable(endless)).toThrow("entry 95 at 0xbe0: the table's sector");
  const low = new Uint8Array(0xc00).fill(0xff);
  low.set(full.subarray(0, 64));
  new DataView(low.buffer).setUint32(32 + 4, 0x8000, true);
  expect(() => parsePartitionTable(low)).toThrow("entry 1 at 0x20: 'p1' at 0x8000 lies in");
});

test("rows for the bootloader and the table themselves are no fault", () => {
  const text = "b,bootloader,primary,0,32K\nt,partition_table,primary,0x8000,4K\na,data,nvs,,16K\n";
  const rows = parsePartitionCsv(text);
  expect(rows.map(({ offset }) => offset)).toEqual([0, 0x8000, 0x9000]);
  expect(parsePartitionTable(encodePartitionTable(rows))).toEqual(rows);
});

test("a damaged binary table is refused by its MD5 row", () => {
  const binary = encodePartitionTable(parsePartitionCsv(csv));
  binary[9]! ^= 0x10;
  expect(() => parsePartitionTable(binary)).toThrow("MD5 row");
});

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

const nvsCsv = `key,type,encoding,value
wifi,namespace,,
ssid,data,string,my network
pass,data,string,correct horse battery staple
chan,data,u8,11
off,data,i32,-5
big,data,u64,18446744073709551615
neg,data,i64,-9
sm,data,i8,-1
sh,data,i16,-300
us,data,u16,65535
hub,namespace,,
hub.conn,data,string,HostName=h;DeviceId=d;SharedAccessKey=AAAA
key,data,hex2bin,00112233445566778899aabbccddeeff
b,data,base64,SGVsbG8=
`;

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
  const small = encodeNvs(parseNvsCsv(nvsCsv, noFiles), 0x6000);
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

test("hostile bytes lead to typed errors only (seed 21)", () => {
  const next = prng(21);
  const table = encodePartitionTable(parsePartitionCsv(csv));
  const nvs = encodeNvs(parseNvsCsv(nvsCsv, noFiles), 0x3000);
  for (let round = 0; round < 300; round++) {
    for (const [parse, good] of [
      [parseImage, image],
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
