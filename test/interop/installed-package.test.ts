// godwit as its users have it: unpacked below node_modules, or linked from a clone; a new project runs at once.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "vitest";
import { packageRoot } from "../../host-tools/cli/package-root.ts";
import { ensureEngine } from "../../host-tools/engine/ensure.ts";

const root = packageRoot();
const folder = mkdtempSync(join(tmpdir(), "godwit-installed-"));

/** Files that `npm pack` would take. */
function packed(): string[] {
  const options = { cwd: root, encoding: "utf8", maxBuffer: 1 << 26 } as const;
  const text = execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], options);
  const [{ files }] = JSON.parse(text) as [{ files: { path: string }[] }];
  return files.map(({ path }) => path);
}

/** A user's folder with godwit's dependencies; they are linked, which costs no download. */
function userFolder(name: string): string {
  const modules = join(folder, name, "node_modules");
  mkdirSync(modules, { recursive: true });
  for (const entry of readdirSync(join(root, "node_modules")))
    if (entry !== "godwit" && !entry.startsWith("."))
      symlinkSync(join(root, "node_modules", entry), join(modules, entry), "junction");
  return join(folder, name);
}

function godwit(cwd: string, ...args: string[]): ChildProcess {
  const command = join(cwd, "node_modules", "godwit", "host-tools", "cli", "godwit.mjs");
  return spawn(process.execPath, [command, ...args, "--json"], {
    cwd,
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, GODWIT_HUB_CONNECTION: "" },
  });
}

/** `godwit init` and `godwit sim` in what it made, until its board has sent a message. */
async function firstMinutes(cwd: string) {
  const [initCode] = (await once(godwit(cwd, "init", "shed"), "close")) as [number];
  const child = godwit(cwd, "sim", "shed", "--boards", "1");
  const lines: Record<string, unknown>[] = [];
  createInterface({ input: child.stdout! }).on("line", (text) => {
    const line = JSON.parse(text) as Record<string, unknown>;
    lines.push(line);
    // To the command itself, which passes it on: people's Ctrl-C reaches the whole group.
    if (line.event === "telemetry" && !child.killed) child.kill("SIGTERM");
  });
  const [simCode] = (await once(child, "close")) as [number];
  return { initCode, simCode, summary: lines.at(-1) };
}

beforeAll(async () => {
  await ensureEngine();
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("an unpacked package carries all it needs: a new project runs on its engine", async () => {
  const user = userFolder("installed");
  const files = packed();
  for (const path of files) {
    const target = join(user, "node_modules", "godwit", path);
    mkdirSync(dirname(target), { recursive: true });
    cpSync(join(root, path), target);
  }
  expect(files.filter((path) => /^(test|build\/test|node_modules)\//.test(path))).toEqual([]);
  const { summary, ...codes } = await firstMinutes(user);
  expect(codes).toEqual({ initCode: 0, simCode: 0 });
  expect(summary).toMatchObject({ event: "summary", connected: 1, errors: 0 });
  // Built by whoever packed it: its user has no need of the compiler.
  const cache = join(user, "node_modules", "godwit", "build", "engine-cache");
  expect(readdirSync(cache)).not.toContain("objects");
});

test("a linked clone runs a new project, too", async () => {
  const user = userFolder("linked");
  symlinkSync(root, join(user, "node_modules", "godwit"), "junction");
  const { summary, ...codes } = await firstMinutes(user);
  expect(codes).toEqual({ initCode: 0, simCode: 0 });
  expect(summary).toMatchObject({ event: "summary", connected: 1, errors: 0 });
});
