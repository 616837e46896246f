// UF2, ELF and the way through BOOTSEL, on a virtual Pico.
import { expect, test } from "vitest";
import { PicoBoard, type PicoOptions } from "../../../host-tools/emulator/bench/pico-board.ts";
import { VirtualClock } from "../../../host-tools/emulator/bench/virtual-clock.ts";
import { Wire } from "../../../host-tools/emulator/bench/wire.ts";
import { runUf2Job, type Uf2Job } from "../../../host-tools/flash/rp2040/bootsel.ts";
import { driveRoots, parseInfo } from "../../../host-tools/flash/rp2040/drive.ts";
import {
  elfFlashSegments,
  isRiscvElf,
  isRp2350Image,
} from "../../../host-tools/flash/rp2040/elf.ts";
import {
  encodeUf2,
  parseUf2,
  type RpChip,
  requireUf2For,
} from "../../../host-tools/flash/rp2040/uf2.ts";
import { isDeviceError } from "../../../host-tools/serial/error.ts";
import { memorySource } from "../../../host-tools/serial/memory.ts";
import { isSame, prng, sampleImage } from "../../support/bench.ts";

const base = 0x10000000;
const program = sampleImage(5000, 9);
const uf2 = encodeUf2([{ address: base, bytes: program }], "rp2040");

function pico(options: Partial<PicoOptions> = {}) {
  const clock = new VirtualClock();
  const board = new PicoBoard({ clock, ...options });
  const wire = new Wire(board, { clock });
  const source = memorySource("memory:pico", () => wire);
  const run = (
    bytes = uf2,
    options: { [Name in keyof Uf2Job]?: Uf2Job[Name] | undefined } = {},
  ) => {
    const job = { bytes, name: "app.uf2", clock, files: board.files(), source, ...options };
    return clock.run(runUf2Job(job as Uf2Job));
  };
  return { clock, board, wire, run };
}

test("a file has one block per page, numbered, with the family", () => {
  expect(uf2.length).toBe(512 * 20);
  const view = new DataView(uf2.buffer);
  expect([0, 4, 8, 12, 16, 20, 24, 28, 508].map((at) => view.getUint32(at, true))).toEqual([
    0x0a324655,
    0x9e5d5157,
    0x2000,
    base,
    256,
    0,
    20,
    0xe48bff56,
    0x0ab16f30,
  ]);
  const parsed = parseUf2(uf2);
  expect(parsed.families).toEqual(["rp2040"]);
  const content = Buffer.concat(parsed.blocks.map((block) => block.payload));
  expect(isSame(content.subarray(0, program.length), program)).toBe(true);
});

test("two blocks for one address are refused: a page would be missing", () => {
  const twice = uf2.slice();
  new DataView(twice.buffer).setUint32(7 * 512 + 12, base + 3 * 256, true);
  expect(() => parseUf2(twice, "app.uf2")).toThrow("blocks 3 and 7 both go to 0x10000300");
  const crossing = uf2.slice();
  new DataView(crossing.buffer).setUint32(7 * 512 + 12, base + 3 * 256 + 16, true);
  expect(() => parseUf2(crossing)).toThrow("blocks 3 and 7 both go to 0x10000310");
  const again = Buffer.concat([uf2, uf2.subarray(0, 512)]);
  expect(() => parseUf2(again)).toThrow("blocks 0 and 20 both go to 0x10000000");
});

test("one file may serve two families, but not bring one chip a page twice", () => {
  const other = encodeUf2([{ address: base, bytes: program }], "rp2350-arm-s");
  expect(parseUf2(Buffer.concat([uf2, other])).families).toHaveLength(2);
  const absolute = encodeUf2([{ address: base, bytes: program }], "absolute");
  const both = parseUf2(Buffer.concat([uf2, absolute]));
  expect(() => requireUf2For(both, "rp2040", "app.uf2")).toThrow("blocks 0 and 20 both go to");
});

test.each([
  ["touch-1200", {}],
  ["moddable", {}],
  ["touch-1200", { failsLateWrites: true }],
] as const)("an application is replaced through %s %o", async (entry, extra) => {
  const { board, run } = pico({ entry, ...extra });
  const result = await run();
  expect(result).toMatchObject({ chip: "rp2040", cameBack: true, boardId: "RPI-RP2" });
  expect(board.mode).toBe("app");
  expect(board.boots).toBe(2);
  expect(isSame(board.flash.bytes.subarray(0, program.length), program)).toBe(true);
});

test("a board already in BOOTSEL mode needs no port", async () => {
  const { clock, board, run } = pico({ startsInBootsel: true });
  await clock.run(new Promise<void>((resolve) => void clock.after(1000, resolve)));
  expect(await run(uf2, { source: undefined })).toMatchObject({ cameBack: undefined });
  expect(isSame(board.flash.bytes.subarray(0, program.length), program)).toBe(true);
});

test("each way to fail has its own error", async () => {
  const codeOf = (work: Promise<unknown>) =>
    work.then(
      () => "none",
      (error) => (isDeviceError(error) && error.hint ? error.code : String(error)),
    );
  expect(await codeOf(pico({ entry: "none" }).run())).toBe("no-bootloader");
  expect(await codeOf(pico().run(uf2, { source: undefined }))).toBe("no-device");
  expect(await codeOf(pico({ chip: "rp2350" }).run())).toBe("wrong-chip");
  expect(await codeOf(pico().run(uf2.subarray(0, 1000)))).toBe("bad-input");
  const holed = Buffer.concat([uf2.subarray(0, 1024), uf2.subarray(1536)]);
  expect(await codeOf(pico().run(holed))).toBe("bad-input");
});

test("whatever the file alone tells is refused before the application is disturbed", async () => {
  const foreign = new Uint8Array(uf2);
  for (let at = 28; at < foreign.length; at += 512) foreign.set([0xee, 0x4e, 0xdd, 0xbf], at);
  const elsewhere = encodeUf2([{ address: 0x40000000, bytes: program }], "rp2040");
  const comments = new Uint8Array(uf2);
  for (let at = 8; at < comments.length; at += 512) comments[at]! |= 1;
  const cases: readonly [Uint8Array, RpChip | undefined, string, RegExp][] = [
    [foreign, undefined, "wrong-chip", /is for 0xbfdd4eee: neither/],
    [uf2, "rp2350", "wrong-chip", /is for rp2040, the board is an rp2350/],
    [uf2.subarray(0, 1000), undefined, "bad-input", /truncated: block 1 has 488 of 512/],
    [uf2.subarray(0, 1024), undefined, "bad-input", /18 of 20 blocks are missing/],
    [uf2.subarray(0, 3), undefined, "bad-input", /truncated/],
    [new Uint8Array(0), undefined, "bad-input", /empty/],
    [elsewhere, undefined, "bad-input", /outside flash and RAM/],
    [comments, undefined, "bad-input", /nothing in it goes to flash/],
  ];
  for (const [bytes, chip, code, message] of cases) {
    const { board, run } = pico();
    const error = await run(bytes, { chip }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code, hint: expect.any(String) });
    expect(String(error)).toMatch(message);
    expect([board.mode, board.boots]).toEqual(["app", 1]);
  }
});

test("a chip that only the drive tells: refused unwritten, with the way back to the application", async () => {
  const { board, run } = pico({ chip: "rp2350" });
  await expect(run()).rejects.toMatchObject({
    code: "wrong-chip",
    hint: expect.stringContaining("unplug the board and plug it in"),
  });
  expect(board.flash.touchedSectors.size).toBe(0);
});

test("a board left in BOOTSEL mode: the error says exactly how to go on", async () => {
  const { clock, board, run } = pico({ startsInBootsel: true });
  await clock.run(new Promise<void>((resolve) => void clock.after(1000, resolve)));
  await expect(run()).rejects.toMatchObject({
    code: "no-device",
    exitCode: 3,
    hint: expect.stringContaining(`godwit flash app.uf2 --drive ${board.drivePath}`),
  });
  expect(await run(uf2, { source: undefined })).toMatchObject({ chip: "rp2040" });
});

test.each([
  ["the first", 0, /vanished in the middle of the file/],
  ["the last", 19, /vanished with an error, and the board did not come back/],
])("a plug that is pulled at %s block is no success", async (_, at, message) => {
  for (const startsInBootsel of [true, false]) {
    const { clock, board, wire, run } = pico({ startsInBootsel });
    await clock.run(new Promise<void>((resolve) => void clock.after(1000, resolve)));
    board.duringWrite = (index) => index === at && wire.unplug();
    const end = run(uf2, startsInBootsel ? { source: undefined } : {});
    await expect(end).rejects.toMatchObject({ code: "verify-failed", exitCode: 5 });
    await expect(end).rejects.toThrow(message);
  }
});

test("a board that takes the file and stays away is an error, unless nobody waits for it", async () => {
  const away = pico({ staysAway: true });
  await expect(away.run()).rejects.toMatchObject({ code: "no-reply", exitCode: 4 });
  const unasked = await pico({ staysAway: true }).run(uf2, { awaitsReturn: false });
  expect(unasked.cameBack).toBeUndefined();
});

test("ELF files tell RISC-V code, images whether an RP2350 starts them", () => {
  const elf = new Uint8Array(64);
  elf.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  expect(isRiscvElf(elf)).toBe(false);
  elf[18] = 243;
  expect(isRiscvElf(elf)).toBe(true);
  const bytes = new Uint8Array(8192);
  const marked = (at: number) => {
    bytes.fill(0);
    bytes.set([0xd3, 0xde, 0xff, 0xff], at);
    return isRp2350Image([{ address: base, bytes }]);
  };
  expect([marked(0), marked(4092), marked(4096), marked(2)]).toEqual([true, true, false, false]);
});

test("an untouched board keeps its flash when the file is refused", async () => {
  const { board, run } = pico({ chip: "rp2350" });
  await run().catch(() => {});
  expect(board.flash.touchedSectors.size).toBe(0);
});

test("garbage is refused with a typed error, whatever it is (seed 41)", () => {
  const next = prng(41);
  for (let round = 0; round < 300; round++) {
    const bytes = uf2.slice(0, 512 * (1 + (next() % 4)));
    for (let flip = 0; flip < 3; flip++) bytes[next() % bytes.length] = next() & 0xff;
    try {
      parseUf2(bytes);
      elfFlashSegments(bytes);
    } catch (error) {
      expect(isDeviceError(error), String(error)).toBe(true);
    }
  }
});

test("an ELF file gives its flash segments by physical address", () => {
  const elf = new Uint8Array(200);
  const view = new DataView(elf.buffer);
  elf.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  view.setUint32(28, 52, true);
  view.setUint16(42, 32, true);
  view.setUint16(44, 2, true);
  for (const [index, fields] of [
    [1, 100, 0x20000000, base + 256, 50, 50],
    [1, 150, 0x20001000, base, 0, 64],
  ].entries()) {
    fields.forEach((value, field) => {
      view.setUint32(52 + index * 32 + field * 4, value, true);
    });
  }
  expect(elfFlashSegments(elf)).toEqual([{ address: base + 256, bytes: elf.subarray(100, 150) }]);
  view.setUint32(52 + 4, 190, true);
  expect(() => elfFlashSegments(elf, "x.elf")).toThrow("segment 0 ends behind the file");
});

test("drives are told apart by their information file", () => {
  const rp2350 = "UF2 Bootloader v1.0\nModel: Raspberry Pi RP2350\nBoard-ID: RP2350\n";
  expect(parseInfo("/m", rp2350)?.chip).toBe("rp2350");
  expect(parseInfo("/m", "UF2 Bootloader v1\nModel: Other\nBoard-ID: SAMD21\n")).toBeUndefined();
  expect(driveRoots("win32", "u")).toContain("E:\\");
  expect(driveRoots("darwin", "u")).toEqual(["/Volumes"]);
  expect(driveRoots("linux", "u")).toContain("/run/media/u");
});
