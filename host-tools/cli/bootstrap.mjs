#!/usr/bin/env node
// The only file that runs before anything is installed or built: plain JavaScript, node:* imports only.
// It installs packages when the lock file changed, compiles what is stale, then hands over.
import { spawn } from "node:child_process";
import { existsSync, lstatSync, readdirSync, rmSync, statSync } from "node:fs";
import { constants } from "node:os";
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
  package: () => pack(),
  perf: () => run(process.execPath, [built("test/perf/main.js"), ...args]),
};

/** npm packs no lock file: without one this is an installed package, which carries what a clone builds. */
const isClone = existsSync(join(root, "package-lock.json"));

/** Path of a compiled file. */
function built(path) {
  return join(root, "build", path);
}

/**
 * Runs a command with our terminal; ends this process when it fails. Ctrl-C reaches the whole group, so
 * the child ends in order and we wait for it; a signal sent to us alone is passed on.
 */
async function run(command, commandArgs, options = {}) {
  const child = spawn(command, commandArgs, { stdio: "inherit", ...options });
  const pass = (signal) => void child.kill(signal);
  const wait = () => undefined;
  process.on("SIGTERM", pass);
  process.on("SIGINT", wait);
  const [status, signal] = await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (...end) => resolve(end));
  }).catch((error) => fail(`cannot run ${command}: ${error.message}`));
  process.off("SIGTERM", pass);
  process.off("SIGINT", wait);
  if (signal) process.exit(128 + (constants.signals[signal] ?? 0));
  if (status !== 0) process.exit(status ?? 1);
}

function fail(message) {
  process.stderr.write(`godwit: ${message}\n`);
  process.exit(2);
}

/** Milliseconds of a file's last change; 0 when it does not exist. */
function changedMs(path) {
  return existsSync(path) ? statSync(path).mtimeMs : 0;
}

async function install() {
  const modules = join(root, "node_modules");
  // A linked folder belongs to another checkout, which keeps it up to date.
  if (existsSync(modules) && lstatSync(modules).isSymbolicLink()) return;
  const stamp = join(root, "node_modules", ".package-lock.json");
  const lock = join(root, "package-lock.json");
  if (changedMs(stamp) >= changedMs(lock)) return;
  process.stderr.write("godwit: installing packages (once) ...\n");
  // npm's own report goes to stderr: stdout belongs to the command that follows.
  // Not `npm ci`: it refuses to start when a registry lacks a binary for some other platform.
  await run(
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
async function tool(name, script, toolArgs, options) {
  await run(process.execPath, [join(root, "node_modules", name, script), ...toolArgs], {
    cwd: root,
    ...options,
  });
}

async function compile() {
  await tool("typescript", "bin/tsc", ["-b", "firmware", "host-tools", "test"], {
    stdio: ["ignore", 2, 2],
  });
}

async function cli(cliArgs) {
  await run(process.execPath, [
    "--enable-source-maps",
    built("host-tools/cli/main.js"),
    ...cliArgs,
  ]);
}

async function vitest(projects) {
  const selected = projects.flatMap((project) => ["--project", project]);
  await tool("vitest", "vitest.mjs", [
    "run",
    "--config",
    "test/vitest.config.ts",
    ...selected,
    ...args,
  ]);
}

async function tests(projects) {
  await cli(["engine", "build"]);
  await vitest(projects);
}

/** A tarball that runs where it is installed: compiled files and the built engine are inside. */
async function pack() {
  const modules = built("engine-cache/modules");
  // Files of earlier sources do not belong into it.
  for (const stale of readdirSync(built("")))
    if (/^(firmware|host-tools)/.test(stale)) rmSync(built(stale), { recursive: true });
  rmSync(modules, { recursive: true, force: true });
  await compile();
  await cli(["engine", "build"]);
  if (readdirSync(modules).length !== 1) fail(`${modules} holds more than one engine`);
  await run("npm", ["pack", ...args], { cwd: root, shell: process.platform === "win32" });
}

async function check() {
  await tool("@biomejs/biome", "bin/biome", ["check", "."]);
  await tool("knip", "bin/knip.js", ["--config", "test/knip.json"]);
  await vitest(["house"]);
}

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19))
  fail(`Node 20.19 or newer is needed, this is ${process.version}`);
if (!Object.hasOwn(verbs, verb))
  fail(`unknown start '${verb}'; use npm start, npm test or npm run godwit`);
if (isClone) {
  await install();
  await compile();
} else if (!existsSync(built("host-tools/cli/main.js")))
  fail("this package carries no compiled files; it has to be made with `npm run package`");
await verbs[verb]();
