// Recovery files on disk: private, gone when verified, refused when damaged.
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { keptFiles, keptFolder } from "../../../host-tools/flash/esp/kept-files.ts";
import { isSame } from "../../support/bench.ts";
import { neighbourBench, shared } from "../../support/neighbour-bench.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "godwit-kept-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

test("on disk: private, survives the process, gone when verified; damage is refused", async () => {
  const { board, wire, run, onceErased, expected } = neighbourBench();
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
  const { board, run } = neighbourBench();
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
  expect((await neighbourBench().run({ keeper: keptFiles(folder) })).error).toBeUndefined();
});

test("a folder that cannot be written refuses before the shared sector is erased", async () => {
  const { board, run } = neighbourBench();
  const { error } = await run({ keeper: keptFiles("/dev/null/godwit") });
  expect(error).toMatchObject({ code: "bad-input", hint: expect.stringContaining("XDG_STATE") });
  const { touchedSectors } = board.flash;
  expect(shared.some((at) => touchedSectors.has(at / 4096))).toBe(false);
});
