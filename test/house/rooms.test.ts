// House rules that no linter knows: room READMEs, file sizes, no machine paths.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

function files(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? files(join(folder, entry.name)) : [join(folder, entry.name)],
  );
}

const sources = ["firmware", "host-tools", "test"]
  .flatMap(files)
  .filter((file) => /\.(ts|mjs|c|h)$/.test(file) && !file.endsWith(".d.ts"));

test("every room has a README", () => {
  const rooms = ["firmware", "host-tools"].flatMap((side) =>
    readdirSync(join(root, side))
      .map((name) => join(side, name))
      .filter((path) => statSync(join(root, path)).isDirectory()),
  );
  const silent = [...rooms, "test"].filter((room) => !existsSync(join(root, room, "README.md")));
  expect(silent).toEqual([]);
});

test("no source file exceeds 400 lines (tables and the C host apart)", () => {
  const long = sources
    .filter((file) => !/-table\.ts$/.test(file) && !file.endsWith(".c"))
    .filter((file) => readFileSync(join(root, file), "utf8").split("\n").length > 401);
  expect(long).toEqual([]);
});

test("nothing is left behind: no focused or skipped tests, no to-do marks", () => {
  const marks = /\b(TODO|FIXME|XXX|HACK)\b|\b(it|test|describe)\.(only|skip|todo)\(/;
  const left = sources.filter(
    (file) =>
      file !== join("test", "house", "rooms.test.ts") &&
      marks.test(readFileSync(join(root, file), "utf8")),
  );
  expect(left).toEqual([]);
});
