// New projects: well named, complete, never over somebody's files.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createProject, packageName } from "../../../host-tools/cli/init/project.ts";
import { run } from "../../../host-tools/cli/run.ts";
import { verbs } from "../../../host-tools/cli/verbs-table.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "godwit-init-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("a folder that holds something is refused and left alone", () => {
  writeFileSync(join(folder, "mine.txt"), "work");
  expect(() => createProject(folder, "blink")).toThrow(
    expect.objectContaining({ code: "not-empty", exitCode: 2, hint: expect.any(String) }),
  );
  expect(existsSync(join(folder, "main.ts"))).toBe(false);
  expect(() => createProject(join(folder, "mine.txt"), "blink")).toThrow(
    expect.objectContaining({ code: "not-a-folder" }),
  );
});

test.each([
  [{}, "  godwit sim shed\n"],
  [{ npm_command: "exec" }, "  npx godwit sim shed\n"],
  [{ npm_command: "run-script", npm_lifecycle_event: "godwit" }, "  npm run godwit -- sim shed\n"],
])("what to do next is shown as godwit was called: %j", async (env, line) => {
  let stdout = "";
  const exitCode = await run(["init", "shed"], {
    verbs,
    version: "9.9.9",
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: () => undefined },
    env,
    cwd: folder,
    interrupted: () => new AbortController().signal,
  });
  expect(stdout.endsWith(line)).toBe(true);
  expect(exitCode).toBe(0);
});

test("a fresh repository is as good as an empty folder; the package names a clone by its place", () => {
  mkdirSync(join(folder, ".git"));
  createProject(folder, "blink");
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  expect(manifest).toMatchObject({ private: true, type: "module" });
  expect(manifest.devDependencies.godwit).toMatch(/^file:\.\./);
});

test.each([
  ["/x/My Device", "my-device"],
  ["/x/ünïcode", "n-code"],
  ["/x/..hidden", "hidden"],
  ["/x/***", "device"],
])("the package of %s is called %s", (path, name) => {
  expect(packageName(path)).toBe(name);
});
