// UF2, ELF and the way through BOOTSEL, on a virtual Pico.
import { expect, test } from "vitest";
import { PicoBoard, type PicoOptions } from "../../../host-tools/emulator/bench/pico-board.ts";
import { VirtualClock } from "../../../host-tools/emulator/bench/virtual-clock.ts";
import { Wire } from "../../../host-tools/emulator/bench/wire.ts";
import { runUf2Job } from "../../../host-tools/flash/rp2040/bootsel.ts";
import { driveRoots, parseInfo } from "../../../host-tools/flash/rp2040/drive.ts";
import { elfFlashSegments } from "../../../host-tools/flash/rp2040/elf.ts";
import { encodeUf2, parseUf2 } from "../../../host-tools/flash/rp2040/uf2.ts";
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
  const run = (bytes = uf2, isAppRunning = true) =>
    clock.run(
      runUf2Job({
        bytes,
        name: "app.uf2",
        clock,
        files: board.files(),
        ...(isAppRunning ? { source } : {}),
      }),
    );
  return { clock, board, run };
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
  expect(await run(uf2, false)).toMatchObject({ cameBack: undefined });
  expect(isSame(board.flash.bytes.subarray(0, program.length), program)).toBe(true);
});

test("each way to fail has its own error", async () => {
  const codeOf = (work: Promise<unknown>) =>
    work.then(
      () => "none",
      (error) => (isDeviceError(error) && error.hint ? error.code : String(error)),
    );
  expect(await codeOf(pico({ entry: "none" }).run())).toBe("no-bootloader");
  expect(await codeOf(pico().run(uf2, false))).toBe("no-device");
  expect(await codeOf(pico({ chip: "rp2350" }).run())).toBe("wrong-chip");
  expect(await codeOf(pico().run(uf2.subarray(0, 1000)))).toBe("bad-input");
  const holed = Buffer.concat([uf2.subarray(0, 1024), uf2.subarray(1536)]);
  expect(await codeOf(pico().run(holed))).toBe("bad-input");
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
