// The build: reproducible, patched exactly, and healed when its cache is damaged.
import { cpSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { buildEngine } from "../../../host-tools/engine/build.ts";
import { applyPatches, parsePatches } from "../../../host-tools/engine/patch.ts";
import { readRecipe } from "../../../host-tools/engine/recipe.ts";
import { engine } from "./support.ts";

const folder = mkdtempSync(join(tmpdir(), "godwit-engine-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("every patch anchor occurs exactly once, and a foreign source is refused", () => {
  const names = readRecipe().units.map((unit) => unit.name);
  expect(names).toContain("xsRun");
  const [change] = parsePatches("@@ a.c\n--\nint a;\n++\nint b;\n");
  expect(change).toEqual({ file: "a.c", anchor: "int a;", replacement: "int b;" });
  const changes = change ? [change] : [];
  expect(applyPatches("a.c", "x\nint a;\ny", changes)).toBe("x\nint b;\ny");
  for (const source of ["", "int a; int a;"])
    expect(() => applyPatches("a.c", source, changes)).toThrow(/not the one/);
});

test("setjmp has left the interpreter: one call, in the wrapper", () => {
  const run = readRecipe().units.find((unit) => unit.name === "xsRun")?.source ?? "";
  expect(run.match(/c_setjmp\(/g)).toHaveLength(1);
});

test("linking again gives the same bytes; damaged and half-written files are rebuilt", async () => {
  const cacheDir = join(folder, "cache");
  cpSync(join(engine.cacheDir, "objects"), join(cacheDir, "objects"), { recursive: true });
  const progress: number[] = [];
  const again = await buildEngine({
    cacheDir,
    onProgress: ({ done }) => progress.push(done),
    workers: 1,
  });
  expect(again.hash).toBe(engine.hash);
  expect(again.compiled).toBe(0);
  expect(progress.at(-1)).toBe(readRecipe().units.length + 1);
  const [hash = ""] = readdirSync(join(cacheDir, "modules"));
  truncateSync(join(cacheDir, "modules", hash, "board.wasm"), 1000);
  writeFileSync(join(cacheDir, "modules", hash, "compiler.wasm"), "not a module");
  const healed = await buildEngine({ cacheDir, workers: 1 });
  expect(healed.hash).toBe(engine.hash);
  const cached = await buildEngine({ cacheDir, workers: 1 });
  expect(cached.hash).toBe(engine.hash);
});
