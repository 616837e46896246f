// `godwit telemetry` encode, decode and export on files: streams, exit codes, and what is saved of damaged input.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { run } from "../../../host-tools/cli/run.ts";
import { verbs } from "../../../host-tools/cli/verbs-table.ts";
import { tankEvent } from "../../support/telemetry-dump.ts";

const cwd = mkdtempSync(join(tmpdir(), "godwit-telemetry-"));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

async function telemetry(...args: string[]) {
  let stdout = "";
  let stderr = "";
  const exitCode = await run(["telemetry", ...args, "--json"], {
    ...{ verbs, version: "9.9.9", env: {}, cwd },
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
    interrupted: () => new AbortController().signal,
  });
  const lines = stdout.split("\n").filter(Boolean);
  return { exitCode, stderr, lines: lines.map((line) => JSON.parse(line)) };
}

const read = (name: string): string => readFileSync(join(cwd, name), "utf8");

const csv = `t_ms,level,name\n${Array.from(
  { length: 100 },
  (_, i) => `${1000 * i},${i / 4},${i % 3 ? "on" : ""}\n`,
).join("")}`;
writeFileSync(join(cwd, "rows.csv"), csv);

test("what was encoded decodes to the same text", async () => {
  const { exitCode, lines } = await telemetry(
    ...["encode", "rows.csv", "--rows", "32", "--profile", "static", "--out", "rows.batch"],
  );
  expect(exitCode).toBe(0);
  expect(lines[0]).toMatchObject({ batches: 4, rows: 100, lossless: true });
  expect(lines[0].bytesPerRow).toBe(lines[0].bytes / 100);
  const decoded = await telemetry("decode", "rows.batch", "--format", "csv", "--out", "back.csv");
  expect(decoded.exitCode).toBe(0);
  expect(read("back.csv")).toBe(csv);
});

test("a tolerance is kept and said", async () => {
  const { exitCode, lines } = await telemetry("encode", "rows.csv", "--epsilon", "level=0.5");
  expect(exitCode).toBe(0);
  expect(lines[0].lossless).toBe(true);
  expect(lines[0].errors.level).toBeGreaterThan(0);
  expect(lines[0].errors.level).toBeLessThanOrEqual(0.5);
});

test("of a file cut off, the whole batches are decoded, then the command fails with the byte", async () => {
  await telemetry("encode", "rows.csv", "--rows", "32", "--out", "rows.batch");
  const bytes = readFileSync(join(cwd, "rows.batch"));
  writeFileSync(join(cwd, "cut.batch"), bytes.subarray(0, -3));
  const { exitCode, lines, stderr } = await telemetry(
    ...["decode", "cut.batch", "--format", "csv", "--out", "cut.csv"],
  );
  expect(exitCode).toBe(2);
  expect(lines).toEqual([
    expect.objectContaining({ event: "decoded", batches: 3, rows: 96, damaged: 1, out: "cut.csv" }),
    expect.objectContaining({
      ...{ event: "error", code: "batch-file", exitCode: 2 },
      message: expect.stringMatching(/^cut\.batch: batch 3 at byte \d+ is cut off$/),
    }),
  ]);
  expect(stderr).toContain("cut.batch: batch 3 at byte");
  expect(read("cut.csv")).toBe(csv.split("\n").slice(0, 97).join("\n").concat("\n"));
});

test("where rows cannot be written, or would destroy what they come from, nothing is lost", async () => {
  await telemetry("encode", "rows.csv", "--out", "rows.batch");
  writeFileSync(join(cwd, "one.jsonl"), JSON.stringify(tankEvent(1)));
  mkdirSync(join(cwd, "folder"), { recursive: true });
  const verbs = [
    ["encode", "rows.csv"],
    ["decode", "rows.batch"],
    ["export", "one.jsonl"],
  ];
  for (const [verb, source] of verbs as [string, string][]) {
    const before = readFileSync(join(cwd, source));
    for (const out of ["folder", "no-such-folder/x", source, `./${source}`]) {
      const { exitCode, lines, stderr } = await telemetry(verb, source, "--out", out);
      expect([exitCode, lines.at(-1)?.event], `${verb} ${out}`).toEqual([2, "error"]);
      expect(lines.at(-1).try).toBeTypeOf("string");
      expect(stderr).not.toContain("    at ");
    }
    expect(readFileSync(join(cwd, source))).toEqual(before);
  }
});

test("with --json nothing but NDJSON is on stdout", async () => {
  await telemetry("encode", "rows.csv", "--out", "rows.batch");
  for (const format of ["csv", "parquet"]) {
    const { exitCode, lines } = await telemetry("decode", "rows.batch", "--format", format);
    expect([exitCode, lines.length]).toEqual([2, 1]);
    expect(lines[0]).toMatchObject({ event: "error", code: "output" });
  }
  const { lines } = await telemetry("decode", "rows.batch", "--out", "all.jsonl");
  expect(lines).toEqual([
    expect.objectContaining({ event: "decoded", rows: 100, format: "jsonl" }),
  ]);
});

test("names in a dump do not drive the terminal", async () => {
  const event = { deviceId: "\u001b[2Jred", body: 5 };
  writeFileSync(join(cwd, "escape.json"), `${JSON.stringify(event)}\n`.repeat(2));
  let text = "";
  const sink = { write: (more: string) => (text += more) };
  await run(["telemetry", "export", "escape.json", "--out", "escape.out"], {
    ...{ verbs, version: "9.9.9", env: {}, cwd, stdout: sink, stderr: sink },
    interrupted: () => new AbortController().signal,
  });
  expect(text).toContain("\\u001b[2Jred");
  expect(text).not.toContain("\u001b");
});

test.each([
  ["no-such.batch", /cannot read no-such\.batch: ENOENT/],
  ["rows.csv", /rows\.csv: no batch file, or a damaged one/],
])("refused: decode %s", async (name, message) => {
  const { exitCode, lines } = await telemetry("decode", name);
  expect(exitCode).toBe(2);
  expect(lines[0].message).toMatch(message);
});

test("a dump is exported as far as it is whole", async () => {
  const dump = [tankEvent(1), tankEvent(3)].map((event) => JSON.stringify(event)).join("\n");
  writeFileSync(join(cwd, "dump.jsonl"), `${dump}\n{"cut`);
  const { exitCode, lines } = await telemetry("export", "dump.jsonl", "--out", "dump.out");
  expect(exitCode).toBe(2);
  expect(lines.map(({ event }) => event)).toEqual(["delivery", "exported", "error"]);
  expect(lines[0]).toMatchObject({ messages: 2, missing: 1, gaps: [{ first: 2, last: 2 }] });
  expect(lines[1]).toMatchObject({ rows: 4, damaged: 0 });
  expect(lines[2].message).toMatch(/^dump\.jsonl: byte \d+: cut off/);
  expect(read("dump.out").trim().split("\n")).toHaveLength(4);
});
