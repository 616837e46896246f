// `godwit sim --virtual` as a script sees it: days, a summary, the same trace again, exit 1 when something broke.
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { run } from "../../host-tools/cli/run.ts";
import { verbs } from "../../host-tools/cli/verbs-table.ts";

const cwd = fileURLToPath(new URL("apps", import.meta.url));

function sim(...args: string[]) {
  return simUntil(new AbortController().signal, ...args);
}

async function simUntil(interrupted: AbortSignal, ...args: string[]) {
  let stdout = "";
  let stderr = "";
  const exitCode = await run(["sim", ...args, "--virtual", "--json"], {
    verbs,
    version: "9.9.9",
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
    env: {},
    cwd,
    interrupted: () => interrupted,
  });
  const lines = stdout
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { exitCode, stderr, lines };
}

test("a day event for each day, then a summary with a trace that its seed gives again", async () => {
  const args = ["endurance", "--days", "1", "--boards", "1", "--method", "getState"];
  const { exitCode, lines } = await sim(...args, "--seed", "7");
  expect(exitCode).toBe(0);
  expect(lines.map(({ event }) => event)).toEqual(["day", "summary"]);
  expect(lines.at(-1)).toMatchObject({ boards: 1, connected: 1, errors: 0, seed: 7, days: 1 });
  const keys = ["d2cAcked", "d2cBytes", "twinPatches", "methods", "speedup"] as const;
  for (const key of keys) expect(lines.at(-1)?.[key]).toBeGreaterThan(0);
  const again = await sim(...args, "--seed", "7");
  expect(again.lines.at(-1)?.traceHash).toBe(lines.at(-1)?.traceHash);
  const other = await sim(...args, "--seed", "8");
  expect(other.lines.at(-1)?.traceHash).not.toBe(lines.at(-1)?.traceHash);
});

test("a board that ended breaks the run: exit 1, the reason and where", async () => {
  const { exitCode, lines, stderr } = await sim("broken", "--days", "0.1", "--boards", "1");
  expect(exitCode).toBe(1);
  expect(lines.find(({ event }) => event === "summary")).toMatchObject({ connected: 0 });
  expect(JSON.stringify(lines)).toMatch(/broken-1: ended: exception: .*sensor.*main\.ts:2/);
  expect(stderr).toContain("invariants broke");
});

test("a run cut short breaks no promise: it had no time to keep them", async () => {
  const args = ["endurance", "--days", "9", "--boards", "1", "--method", "getState"];
  const { exitCode, lines } = await simUntil(AbortSignal.abort(), ...args);
  expect(exitCode).toBe(0);
  expect(lines.map(({ event }) => event)).toEqual(["summary"]);
  expect(lines[0]).toMatchObject({ errors: 0, days: 9, daysRun: 0 });
});

test("a run cut short still tells of the board that ended, and of nothing else", async () => {
  const args = ["broken", "--days", "9", "--boards", "1"];
  const { exitCode, lines } = await simUntil(AbortSignal.abort(), ...args);
  expect(exitCode).toBe(1);
  expect(lines.map(({ event }) => event)).toEqual(["violation", "error", "summary"]);
  expect(lines[0]?.text).toMatch(/broken-1: ended: exception/);
  expect(lines.at(-1)).toMatchObject({ event: "summary" });
});
