// Bytes beside a region in its first and last sector survive a job that dies in the middle of them.
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type FlashJob, runFlashJob } from "../../../host-tools/flash/esp/job.ts";
import { keptFiles, keptFolder } from "../../../host-tools/flash/esp/kept-files.ts";
import { isSame, sampleImage, virtualBench } from "../../support/bench.ts";
import { memoryKeeper } from "../../support/memory-keeper.ts";

const offset = 0x20010;
const image = sampleImage(20_000, 5);
const region = { offset, bytes: image, name: "app.bin" };
/** The shared sectors: where neighbours are. */
const shared = [0x20000, 0x24000];

function bench() {
  const made = virtualBench("esp32c3");
  made.board.flash.bytes.fill(0x5a);
  const expected = new Uint8Array(made.board.flash.bytes);
  expected.set(image, offset);
  const run = (extra: Partial<FlashJob>) => {
    const { clock, source } = made;
    const job = runFlashJob({ source, clock, regions: [region], ...extra });
    return made.clock.run(job).then(
      (result) => ({ result, error: undefined }),
      (error: unknown) => ({ result: undefined, error }),
    );
  };
  /** Does something right after the sector at `at` was erased, once. */
  const onceErased = (at: number, action: () => void) => {
    const { flash } = made.board;
    const erase = flash.erase.bind(flash);
    let isDone = false;
    flash.erase = (from, size) => {
      const count = erase(from, size);
      if (!isDone && from <= at && at < from + size) {
        isDone = true;
        made.clock.after(0, action);
      }
      return count;
    };
  };
  return { ...made, expected, run, onceErased };
}

test.each(shared)("the plug pulled after erasing %d: the same command repairs it", async (at) => {
  const { board, wire, run, onceErased, expected } = bench();
  const keeper = memoryKeeper();
  onceErased(at, () => wire.unplug());
  const { error } = await run({ keeper });
  expect(error).toMatchObject({
    message: expect.stringMatching(/ bytes beside it at 0x2[04]000 are kept in memory$/),
    hint: expect.stringContaining("the same command puts the kept bytes back"),
  });
  expect(isSame(board.flash.bytes, expected)).toBe(false);
  wire.plug();
  const notes: string[] = [];
  const again = await run({ keeper, onProgress: ({ note }) => note && notes.push(note) });
  expect(again.error).toBeUndefined();
  expect(isSame(board.flash.bytes, expected)).toBe(true);
  expect(notes).toEqual([expect.stringMatching(/lost to an earlier job, are back$/)]);
  expect(keeper.count()).toBe(0);
});

test("cells that were cleared or half erased when the power went are put back too", async () => {
  for (const leave of [() => 0, (byte: number, at: number) => (at % 3 === 0 ? 0 : byte | at)]) {
    const { board, wire, run, onceErased, expected } = bench();
    const before = new Uint8Array(board.flash.bytes);
    const keeper = memoryKeeper();
    onceErased(0x24000, () => {
      wire.unplug();
      for (let at = 0x24000; at < 0x25000; at++) board.flash.bytes[at] = leave(before[at]!, at);
    });
    await run({ keeper });
    wire.plug();
    expect((await run({ keeper })).error).toBeUndefined();
    expect(isSame(board.flash.bytes, expected)).toBe(true);
    expect([keeper.count(), keeper.aside()]).toEqual([0, 0]);
  }
});

test("another job on that board puts the neighbours back as well", async () => {
  const { board, wire, run, onceErased } = bench();
  const keeper = memoryKeeper();
  onceErased(0x24000, () => wire.unplug());
  await run({ keeper });
  wire.plug();
  const other = { offset: 0x50000, bytes: sampleImage(4096, 9), name: "other.bin" };
  expect((await run({ keeper, regions: [other] })).error).toBeUndefined();
  const behind = board.flash.bytes.subarray(offset + image.length, 0x25000);
  expect(behind.every((byte) => byte === 0x5a)).toBe(true);
  expect(keeper.count()).toBe(0);
});

test("neighbours that somebody wrote since are left alone, the kept ones set aside", async () => {
  const { board, wire, run, onceErased, expected } = bench();
  const keeper = memoryKeeper();
  onceErased(0x24000, () => wire.unplug());
  await run({ keeper });
  wire.plug();
  board.flash.bytes.fill(0x21, offset + image.length, 0x25000);
  expected.fill(0x21, offset + image.length, 0x25000);
  expect((await run({ keeper })).error).toBeUndefined();
  expect(isSame(board.flash.bytes, expected)).toBe(true);
  expect(keeper.aside()).toBe(1);
});

test.each([0x00, 0xff])(
  "a flash that somebody filled with %d since stays as it is",
  async (byte) => {
    for (const at of shared) {
      const { board, wire, run, onceErased } = bench();
      const keeper = memoryKeeper();
      onceErased(at, () => wire.unplug());
      await run({ keeper });
      wire.plug();
      board.flash.bytes.fill(byte);
      const expected = new Uint8Array(board.flash.bytes);
      expected.set(image, offset);
      const notes: string[] = [];
      const { error } = await run({ keeper, onProgress: ({ note }) => note && notes.push(note) });
      expect(error).toBeUndefined();
      expect(isSame(board.flash.bytes, expected)).toBe(true);
      expect(notes).toEqual([
        expect.stringMatching(/^the sectors around .* those kept are in memory/),
      ]);
      expect([keeper.count(), keeper.aside()]).toEqual([0, 1]);
    }
  },
);

test("erasing all forgets before it erases: an erase that breaks off brings nothing back", async () => {
  const { board, wire, run, onceErased } = bench();
  const keeper = memoryKeeper();
  onceErased(0x24000, () => wire.unplug());
  await run({ keeper });
  wire.plug();
  onceErased(0, () => wire.unplug());
  const { error } = await run({ keeper, eraseAll: true });
  expect(error).toMatchObject({ code: "no-device" });
  wire.plug();
  expect((await run({ keeper })).error).toBeUndefined();
  const behind = board.flash.bytes.subarray(offset + image.length, 0x25000);
  expect(behind.every((byte) => byte === 0xff)).toBe(true);
  expect([keeper.count(), keeper.aside()]).toEqual([0, 0]);
});

test("erasing all forgets what was kept", async () => {
  const { board, wire, run, onceErased } = bench();
  const keeper = memoryKeeper();
  onceErased(0x24000, () => wire.unplug());
  await run({ keeper });
  wire.plug();
  expect(keeper.count()).toBe(1);
  expect((await run({ keeper, eraseAll: true })).error).toBeUndefined();
  expect(keeper.count()).toBe(0);
  const behind = board.flash.bytes.subarray(offset + image.length, 0x25000);
  expect(behind.every((byte) => byte === 0xff)).toBe(true);
});

test("Ctrl-C in a shared sector: it is finished first; the rest is told and resumed", async () => {
  for (const at of [...shared, 0x22000]) {
    const { board, run, onceErased, expected } = bench();
    const keeper = memoryKeeper();
    const controller = new AbortController();
    onceErased(at, () => controller.abort());
    const { error } = await run({ keeper, signal: controller.signal });
    const outside = [board.flash.bytes.subarray(0, offset), board.flash.bytes.subarray(0x25000)];
    expect(outside.every((part) => part.every((byte) => byte === 0x5a))).toBe(true);
    const behind = board.flash.bytes.subarray(offset + image.length, 0x25000);
    expect(behind.every((byte) => byte === 0x5a)).toBe(true);
    // The last sector of all leaves nothing to interrupt.
    if (at !== 0x24000) {
      expect(error).toMatchObject({
        code: "interrupted",
        exitCode: 130,
        message: expect.stringMatching(/^interrupted: (app\.bin is half written \(|\d+ bytes are)/),
        hint: expect.stringContaining("run the same command again"),
      });
    }
    expect((await run({ keeper })).error).toBeUndefined();
    expect(isSame(board.flash.bytes, expected)).toBe(true);
  }
});

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "godwit-kept-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

test("on disk: private, survives the process, gone when verified; damage is refused", async () => {
  const { board, wire, run, onceErased, expected } = bench();
  const state = keptFolder({ XDG_STATE_HOME: folder });
  onceErased(0x24000, () => wire.unplug());
  await run({ keeper: keptFiles(state) });
  const [name] = readdirSync(state);
  expect(name).toBe("240ac4000110-24000.json");
  expect(statSync(join(state, name!)).mode & 0o777).toBe(0o600);
  wire.plug();
  expect((await run({ keeper: keptFiles(state) })).error).toBeUndefined();
  expect(isSame(board.flash.bytes, expected)).toBe(true);
  expect(readdirSync(state)).toEqual([]);
});

const sound = {
  offset: 0x24000,
  neighbours: [{ offset: 0x24e30, size: 0x1d0 }],
  bytes: Buffer.alloc(4096, 0x5a).toString("base64"),
  witnesses: [{ offset: 0x8000, md5: "0".repeat(32) }],
};

test.each([
  ["nothing", ""],
  ["half a file", JSON.stringify(sound).slice(0, 2000)],
  ["something else", "null"],
  ["a list", "[]"],
  ["no bytes", JSON.stringify({ ...sound, bytes: undefined })],
  ["too few bytes", JSON.stringify({ ...sound, bytes: "WlpaWg==" })],
  ["bytes that are none", JSON.stringify({ ...sound, bytes: 4096 })],
  ["an offset within a sector", JSON.stringify({ ...sound, offset: 0x24010 })],
  ["a negative offset", JSON.stringify({ ...sound, offset: -4096 })],
  ["an offset beyond numbers", JSON.stringify({ ...sound, offset: 1e300 })],
  ["an offset in words", JSON.stringify({ ...sound, offset: "0x24000" })],
  ["no neighbours", JSON.stringify({ ...sound, neighbours: [] })],
  ["a neighbour that is none", JSON.stringify({ ...sound, neighbours: [null] })],
  ["neighbours elsewhere", JSON.stringify({ ...sound, neighbours: [{ offset: 0, size: 1 }] })],
  [
    "a neighbour that runs on",
    JSON.stringify({ ...sound, neighbours: [{ offset: 0x24e30, size: 0x1d1 }] }),
  ],
  ["a witness that is none", JSON.stringify({ ...sound, witnesses: [{ offset: 0, md5: "?" }] })],
  ["witnesses in words", JSON.stringify({ ...sound, witnesses: "all" })],
])("a recovery file that holds %s is refused by name, the flash untouched", async (_, text) => {
  const { board, run } = bench();
  const file = join(folder, "240ac4000110-24000.json");
  writeFileSync(file, text);
  for (const eraseAll of [false, true]) {
    const { error } = await run({ keeper: keptFiles(folder), eraseAll });
    expect(error).toMatchObject({
      code: "bad-input",
      message: `${file} holds no sector of a flash`,
      hint: expect.stringContaining("remove it"),
    });
  }
  expect(board.flash.touchedSectors.size).toBe(0);
  rmSync(file);
  expect((await run({ keeper: keptFiles(folder) })).error).toBeUndefined();
});

test("a recovery file of another board is none of this job's business", async () => {
  writeFileSync(join(folder, "020000000001-24000.json"), "rubbish");
  expect((await bench().run({ keeper: keptFiles(folder) })).error).toBeUndefined();
});

test("a folder that cannot be written refuses before the shared sector is erased", async () => {
  const { board, run } = bench();
  const { error } = await run({ keeper: keptFiles("/dev/null/godwit") });
  expect(error).toMatchObject({ code: "bad-input", hint: expect.stringContaining("XDG_STATE") });
  const { touchedSectors } = board.flash;
  expect(shared.some((at) => touchedSectors.has(at / 4096))).toBe(false);
});
