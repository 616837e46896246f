#!/usr/bin/env node
// The only file that runs before anything is installed or built: plain JavaScript, node:* imports only.
// It installs packages when the lock file changed, compiles what is stale, then hands over.
import { spawnSync } from "node:child_process";
import { existsSync, lstatSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const [verb = "godwit", ...args] = process.argv.slice(2);
const verbs = {
  start: () => cli(["sim", "--demo", ...args]),
  godwit: () => cli(args),
  test: () => tests("house unit contracts xs sim interop".split(" ")),
  "test-long": () => tests(["long"]),
  check: () => check(),
  perf: () => run(process.execPath, [built("test/perf/main.js"), ...args]),
};

/** Path of a compiled file. */
function built(path) {
  return join(root, "build", path);
}

/** Runs a command with our terminal; ends this process when it fails. */
function run(command, commandArgs, options = {}) {
  const result = spawnSync(command, commandArgs, { stdio: "inherit", ...options });
  if (result.error) fail(`cannot run ${command}: ${result.error.message}`);
  if (result.signal) process.kill(process.pid, result.signal);
  if (result.status !== 0) process.exit(result.status ?? 1);
}

function fail(message) {
  process.stderr.write(`godwit: ${message}\n`);
  process.exit(2);
}

/** Milliseconds of a file's last change; 0 when it does not exist. */
function changedMs(path) {
  return existsSync(path) ? statSync(path).mtimeMs : 0;
}

function install() {
  const modules = join(root, "node_modules");
  // A linked folder belongs to another checkout, which keeps it up to date.
  if (existsSync(modules) && lstatSync(modules).isSymbolicLink()) return;
  const stamp = join(root, "node_modules", ".package-lock.json");
  const lock = join(root, "package-lock.json");
  if (!existsSync(lock) || changedMs(stamp) >= changedMs(lock)) return;
  process.stderr.write("godwit: installing packages (once) ...\n");
  // npm's own report goes to stderr: stdout belongs to the command that follows.
  // Not `npm ci`: it refuses to start when a registry lacks a binary for some other platform.
  run(
    "npm",
    ["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
    {
      cwd: root,
      stdio: ["ignore", 2, 2],
      shell: process.platform === "win32",
    },
  );
}

/** A tool from our own node_modules, started without a shell. */
function tool(name, script, toolArgs, options) {
  run(process.execPath, [join(root, "node_modules", name, script), ...toolArgs], {
    cwd: root,
    ...options,
  });
}

function compile() {
  tool("typescript", "bin/tsc", ["-b", "firmware", "host-tools", "test"], {
    stdio: ["ignore", 2, 2],
  });
}

function cli(cliArgs) {
  run(process.execPath, ["--enable-source-maps", built("host-tools/cli/main.js"), ...cliArgs]);
}

function vitest(projects) {
  const selected = projects.flatMap((project) => ["--project", project]);
  tool("vitest", "vitest.mjs", ["run", "--config", "test/vitest.config.ts", ...selected, ...args]);
}

function tests(projects) {
  cli(["engine", "build"]);
  vitest(projects);
}

function check() {
  tool("@biomejs/biome", "bin/biome", ["check", "."]);
  tool("knip", "bin/knip.js", ["--config", "test/knip.json"]);
  vitest(["house"]);
}

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19))
  fail(`Node 20.19 or newer is needed, this is ${process.version}`);
if (!Object.hasOwn(verbs, verb))
  fail(`unknown start '${verb}'; use npm start, npm test or npm run godwit`);
install();
if (existsSync(join(root, "firmware", "tsconfig.json"))) compile();
verbs[verb]();
