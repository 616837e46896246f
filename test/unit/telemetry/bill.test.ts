// The bill of a model and a recording, beside sizes counted by hand.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { defineModel } from "../../../firmware/model/define.ts";
import { run } from "../../../host-tools/cli/run.ts";
import { verbs } from "../../../host-tools/cli/verbs-table.ts";
import { toDtdl } from "../../../host-tools/model/to-dtdl.ts";
import { billOf } from "../../../host-tools/telemetry/bill.ts";
import { parseCsv } from "../../../host-tools/telemetry/csv.ts";
import { loadModel } from "../../../host-tools/telemetry/load-model.ts";

const folder = mkdtempSync(join(tmpdir(), "godwit-bill-"));
afterAll(() => rmSync(folder, { recursive: true }));

const app = fileURLToPath(new URL("../../../firmware/apps/thermostat", import.meta.url));
const model = defineModel({
  id: "dtmi:com:example:Tank;1",
  telemetry: {
    level: { type: "double", resolution: 0.1 },
    note: { type: "string" },
    alarm: { type: "integer", priority: "critical" },
  },
});

/** A day of one reading per minute. */
function day(cell: (i: number) => string, head = "t_ms,level"): string {
  const rows = Array.from(
    { length: 1440 },
    (_, i) => `${1_700_000_000_000 + i * 60_000},${cell(i)}`,
  );
  return `${head}\n${rows.join("\n")}\n`;
}

test("JSON bills rows of five minutes: body, values of system properties, application properties whole", () => {
  const bill = billOf(model, parseCsv(day(() => "1.5")), { tier: "S1", encoding: "json" });
  let body = 0;
  for (let i = 0; i < 1440; i++) body += `{"_t":${i * 60_000},"level":1.5},`.length;
  const messages = 1440 / 5;
  // Instead of the last comma there is a bracket, as at the beginning.
  body += messages;
  const system = "application/json".length + "utf-8".length;
  const own = "boot2000000000seq1000000class1epoch1700000000000".length;
  expect(bill.recorded).toEqual({
    ...{ rows: 1440, days: 1, messages, metered: messages },
    bytes: body + messages * (system + own),
  });
  expect(bill.devicesPerUnit).toBe(1388);
});

test("blocks of the free tier are small: rows fill them sooner, and what fits none is named", () => {
  const table = (length: number) => parseCsv(day(() => "x".repeat(length), "t_ms,note"));
  for (const encoding of ["json", "cbor"] as const) {
    expect(billOf(model, table(100), { tier: "F1", encoding }).meteredPerDay).toBe(480);
    expect(billOf(model, table(100), { tier: "S1", encoding }).meteredPerDay).toBe(288);
    expect(() => billOf(model, table(500), { tier: "F1", encoding })).toThrow(
      /row 1: a row of \d+ bytes does not fit blockBytes/,
    );
  }
});

test("delta waits: five minutes for normal readings, not for critical ones, longer when told", () => {
  const of = (head: string, ageMs?: number) =>
    billOf(model, parseCsv(day((i) => String(i % 7), head)), {
      tier: "S1",
      encoding: "delta",
      ...(ageMs !== undefined && { ageMs }),
    }).meteredPerDay;
  expect(of("t_ms,level")).toBe(288);
  expect(of("t_ms,level", 3_600_000)).toBe(24);
  expect(of("t_ms,alarm")).toBe(1440);
});

test("a recording of half a day is scaled; a deadband and left-out values are seen", () => {
  const half = parseCsv(day((i) => `${i % 2},7`, "t_ms,level,other"));
  half.times.splice(720);
  half.rows.splice(720);
  const bill = billOf(model, half, { tier: "S1", encoding: "json" });
  expect(bill.recorded.days).toBe(0.5);
  expect(bill.meteredPerDay).toBe(288);
  expect(bill.leftOut).toEqual({ other: 720 });
  const calm = defineModel({
    id: "dtmi:com:example:Tank;2",
    telemetry: { level: { type: "double", deadband: 1 } },
  });
  // One reading and then one per hour.
  expect(billOf(calm, half, { tier: "S1", encoding: "json" }).recorded.messages).toBe(12);
});

test("models come from a folder, a file and DTDL, and say what is impossible", async () => {
  const thermostat = await loadModel(app);
  expect(thermostat.id).toBe("dtmi:com:godwit:Thermostat;1");
  const dtdl = join(folder, "model.json");
  writeFileSync(dtdl, JSON.stringify(toDtdl(thermostat)));
  expect((await loadModel(dtdl)).telemetry).toEqual(
    (await loadModel(join(app, "model.ts"))).telemetry,
  );
  const wrong = join(folder, "model.ts");
  writeFileSync(
    wrong,
    'export const model = { id: "dtmi:a:b;1", telemetry: { t: { type: "double", min: 2, max: 1 } } };',
  );
  await expect(loadModel(wrong)).rejects.toThrow(/telemetry\.t.*impossible range/);
  await expect(loadModel(join(folder, "none"))).rejects.toThrow(/no such file/);
});

test("the command ends with 9 over budget and with 0 within", async () => {
  const csv = join(folder, "rows.csv");
  writeFileSync(
    csv,
    day((i) => String(20 + (i % 9)), "t_ms,temperature"),
  );
  const call = async (...more: string[]) => {
    let text = "";
    const stdout = { write: (part: string) => (text += part) };
    const args = ["telemetry", "bill", app, csv, "--tier", "s1", "--json", ...more];
    const exitCode = await run(args, {
      ...{ verbs, version: "0", env: {}, cwd: folder, stdout, stderr: { write: () => {} } },
      interrupted: () => new AbortController().signal,
    });
    return {
      exitCode,
      lines: text
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
    };
  };
  const over = await call("--budget-messages", "287");
  expect(over.exitCode).toBe(9);
  expect(over.lines.map(({ event }) => event)).toEqual(["bill", "bill", "bill", "budget", "error"]);
  expect(over.lines[3]).toMatchObject({ encoding: "delta", meteredPerDay: 288, isWithin: false });
  expect((await call("--budget-messages", "288")).exitCode).toBe(0);
});

test("columns called like members of objects are counted, not added to functions", () => {
  const head = "t_ms,level,constructor,__proto__";
  const bill = billOf(model, parseCsv(day(() => "1,2,3", head)), { tier: "S1", encoding: "json" });
  expect(Object.entries(bill.leftOut)).toEqual([
    ["constructor", 1440],
    ["__proto__", 1440],
  ]);
});

test("a recording that the model refuses altogether has no bill", () => {
  const table = parseCsv(day(() => "on"));
  expect(() => billOf(model, table, { tier: "S1", encoding: "delta" })).toThrow(
    expect.objectContaining({ message: expect.stringContaining("allows no value"), exitCode: 2 }),
  );
});

test("the command refuses what is no wait and no number of days, before it prints anything", async () => {
  const csv = join(folder, "texts.csv");
  writeFileSync(
    csv,
    day(() => "warm", "t_ms,temperature"),
  );
  const broken = join(folder, "broken.ts");
  writeFileSync(broken, "export const model = (");
  const call = async (...args: string[]) => {
    let [stdout, stderr] = ["", ""];
    const exitCode = await run(["telemetry", "bill", ...args], {
      ...{ verbs, version: "0", env: {}, cwd: folder },
      stdout: { write: (part) => (stdout += part) },
      stderr: { write: (part) => (stderr += part) },
      interrupted: () => new AbortController().signal,
    });
    return { exitCode, stdout, stderr };
  };
  for (const args of [
    ["--age-s", "0.1"],
    ["--age-s", "1e308"],
    ["--days", "1e308"],
    ["--days", ""],
  ])
    expect((await call(app, csv, ...args)).stderr).toMatch(/It must be a number from 1 to/);
  const refused = await call(app, csv);
  expect(refused).toMatchObject({ exitCode: 2, stdout: "" });
  expect(refused.stderr).toContain("texts.csv: the model allows no value");
  const { exitCode, stderr } = await call(broken, csv);
  expect(exitCode).toBe(2);
  expect(stderr).not.toContain("u001b");
  const missing = await call(app, "none.csv");
  expect(missing.stderr).toMatch(/^godwit: cannot read none\.csv: ENOENT/);
});
