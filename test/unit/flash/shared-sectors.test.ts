// Bytes beside a region in its first and last sector survive a job that dies in the middle of them.
import { expect, test } from "vitest";
import { isSame, sampleImage } from "../../support/bench.ts";
import { memoryKeeper } from "../../support/memory-keeper.ts";
import { image, neighbourBench, offset, shared } from "../../support/neighbour-bench.ts";

test.each(shared)("the plug pulled after erasing %d: the same command repairs it", async (at) => {
  const { board, wire, run, onceErased, expected } = neighbourBench();
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

/** A bench whose first job broke off when the sector at `at` was erased, plugged in again; and what it kept. */
async function brokenOff(at: number) {
  const bench = neighbourBench();
  const keeper = memoryKeeper();
  bench.onceErased(at, () => bench.wire.unplug());
  await bench.run({ keeper });
  bench.wire.plug();
  return { ...bench, keeper };
}

test("cells that were cleared or half erased when the power went are put back too", async () => {
  for (const leave of [() => 0, (byte: number, at: number) => (at % 3 === 0 ? 0 : byte | at)]) {
    const { board, wire, run, onceErased, expected } = neighbourBench();
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
  const { board, run, keeper } = await brokenOff(0x24000);
  const other = { offset: 0x50000, bytes: sampleImage(4096, 9), name: "other.bin" };
  expect((await run({ keeper, regions: [other] })).error).toBeUndefined();
  const behind = board.flash.bytes.subarray(offset + image.length, 0x25000);
  expect(behind.every((byte) => byte === 0x5a)).toBe(true);
  expect(keeper.count()).toBe(0);
});

test("neighbours that somebody wrote since are left alone, the kept ones set aside", async () => {
  const { board, run, expected, keeper } = await brokenOff(0x24000);
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
      const { board, run, keeper } = await brokenOff(at);
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
  const { board, wire, run, onceErased, keeper } = await brokenOff(0x24000);
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
  const { board, run, keeper } = await brokenOff(0x24000);
  expect(keeper.count()).toBe(1);
  expect((await run({ keeper, eraseAll: true })).error).toBeUndefined();
  expect(keeper.count()).toBe(0);
  const behind = board.flash.bytes.subarray(offset + image.length, 0x25000);
  expect(behind.every((byte) => byte === 0xff)).toBe(true);
});

test("Ctrl-C in a shared sector: it is finished first; the rest is told and resumed", async () => {
  for (const at of [...shared, 0x22000]) {
    const { board, run, onceErased, expected } = neighbourBench();
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
