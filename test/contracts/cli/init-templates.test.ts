// Generated projects against the real firmware, compiler and test runner.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createProject, templates } from "../../../host-tools/cli/init/project.ts";
import { packageRoot } from "../../../host-tools/cli/package-root.ts";
import { compileApp } from "../../../host-tools/engine/app.ts";
import { ensureEngine } from "../../../host-tools/engine/ensure.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "godwit-init-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function typeCheck(project: string): string {
  const tsc = join(packageRoot(), "node_modules", "typescript", "bin", "tsc");
  const { stdout, stderr } = spawnSync(process.execPath, [tsc, "-p", project], {
    encoding: "utf8",
  });
  return stdout + stderr;
}

test("every template type-checks as device code, as it is generated", () => {
  for (const template of templates) {
    const project = join(folder, template);
    const { files, linked } = createProject(project, template);
    expect(linked).toBe(true);
    expect(files).toEqual(
      expect.arrayContaining([".gitignore", "README.md", "app.ts", "main.ts", "model.ts"]),
    );
    expect(typeCheck(project)).toBe("");
    expect(readFileSync(join(project, "README.md"), "utf8")).not.toContain("{{");
  }
});

test("every template compiles to bytecode for a board, without an installation", async () => {
  const engine = await ensureEngine();
  for (const template of templates) {
    const project = join(folder, template);
    createProject(project, template);
    rmSync(join(project, "node_modules"), { recursive: true });
    const app = await compileApp(engine, project, { link: false });
    expect(app.main).toBe("main");
    expect([...app.modules.keys()]).toEqual(expect.arrayContaining(["app", "godwit/device"]));
  }
});

test("a type error in a project is seen: the check above can fail", () => {
  createProject(folder, "blink");
  writeFileSync(join(folder, "bad.ts"), 'import { model } from "./model.ts";\nmodel.nothing;\n');
  expect(typeCheck(folder)).toContain("bad.ts(2,7): error TS2339");
});

test("the tests that come with the templates pass", () => {
  // Inside this package, so that they find vitest.
  const inside = mkdtempSync(join(packageRoot(), "build", "init-"));
  try {
    for (const template of templates) createProject(join(inside, template), template);
    const vitest = join(packageRoot(), "node_modules", "vitest", "vitest.mjs");
    const env = { ...process.env, NO_COLOR: "1" };
    const run = spawnSync(process.execPath, [vitest, "run", "--root", inside], {
      encoding: "utf8",
      env,
    });
    expect(run.stdout + run.stderr).toMatch(/Test Files\s+2 passed/);
    expect(run.status).toBe(0);
  } finally {
    rmSync(inside, { recursive: true, force: true });
  }
});
