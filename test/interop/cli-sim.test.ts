// `godwit sim` as a cold process: own hub, running hub, broken apps, generated projects.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

const main = fileURLToPath(new URL("../../build/host-tools/cli/main.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "godwit-cli-sim-"));
const temporary = join(folder, "tmp");
/** Enough for the demo's steps on a loaded machine too: its boards need seconds to connect. */
const seconds = "20";

interface Line {
  readonly schema: string;
  readonly event: string;
  readonly [field: string]: unknown;
}

interface Ended {
  readonly lines: readonly Line[];
  readonly exitCode: number;
  readonly stderr: string;
}

/** An environment without anybody's hub. */
function environment(extra: Record<string, string>) {
  const { GODWIT_HUB_CONNECTION: _, ...inherited } = process.env;
  return { ...inherited, TMPDIR: temporary, ...extra };
}

const simUntilTelemetry = (args: readonly string[], extra?: Record<string, string>) =>
  simUntil("telemetry", args, extra);

/** `godwit sim` until the first such event; then Ctrl-C. */
async function simUntil(
  event: string,
  args: readonly string[],
  extra: Record<string, string> = {},
) {
  const child = spawn(process.execPath, [main, "sim", ...args, "--json"], {
    stdio: ["ignore", "pipe", "inherit"],
    cwd: folder,
    env: environment(extra),
  });
  const lines: Line[] = [];
  createInterface({ input: child.stdout }).on("line", (text) => {
    const line = JSON.parse(text) as Line;
    lines.push(line);
    if (line.event === event && !child.killed) child.kill("SIGINT");
  });
  const [exitCode] = (await once(child, "close")) as [number | null];
  return { lines, exitCode };
}

/** Runs a command to its end, with `--json`. */
function godwit(args: readonly string[], extra: Record<string, string> = {}): Promise<Ended> {
  const env = environment(extra);
  const options = { cwd: folder, env, maxBuffer: 1 << 26 };
  return new Promise((resolve) => {
    execFile(process.execPath, [main, ...args, "--json"], options, (error, stdout, stderr) => {
      const lines = stdout
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Line);
      resolve({ lines, exitCode: typeof error?.code === "number" ? error.code : 0, stderr });
    });
  });
}

interface Serving {
  readonly process: ChildProcess;
  readonly ready: Line;
}

async function serve(...args: string[]): Promise<Serving> {
  const child = spawn(process.execPath, [main, "hub", "--json", "--port", "0", ...args], {
    stdio: ["ignore", "pipe", "inherit"],
    cwd: folder,
  });
  const lines = createInterface({ input: child.stdout! });
  const [line] = (await once(lines, "line")) as [string];
  return { process: child, ready: JSON.parse(line) as Line };
}

let serving: Serving;
const data = join(folder, "hub");

beforeAll(async () => {
  mkdirSync(temporary);
  serving = await serve("--https", "0", "--data", data);
});

afterAll(() => {
  serving?.process.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

test("the demo connects its boards, shows everything once and sums up", async () => {
  const { lines, exitCode, stderr } = await godwit(["sim", "--demo", "--seconds", seconds]);
  const summary = lines.at(-1)!;
  expect(stderr).toBe("");
  expect(Object.keys(summary).join()).toBe(
    "schema,event,boards,connected,d2cAcked,d2cBytes,twinPatches,methods,errors",
  );
  expect(summary).toMatchObject({ schema: "godwit/sim/1", event: "summary", boards: 3 });
  expect(summary).toMatchObject({ connected: 3, twinPatches: 2, methods: 1, errors: 0 });
  const telemetry = lines.filter(({ event }) => event === "telemetry");
  expect(summary.d2cAcked).toBe(telemetry.length);
  expect(summary.d2cBytes).toBe(telemetry.reduce((sum, line) => sum + Number(line.bytes), 0));
  expect(lines.find(({ event }) => event === "method")).toMatchObject({ status: 200 });
  expect(exitCode).toBe(0);
  expect(readdirSync(temporary)).toEqual([]);
});

test("a new project runs at once, against a hub named by its folder", async () => {
  const created = await godwit(["init", "shed", "--template", "thermostat"]);
  expect(created).toMatchObject({ exitCode: 0, lines: [{ event: "created" }] });
  const { lines, exitCode } = await simUntilTelemetry(["shed", "--boards", "1", "--hub", data]);
  expect(lines.at(-1)).toMatchObject({ event: "summary", boards: 1, connected: 1 });
  expect(exitCode).toBe(0);
  const listed = await godwit(["hub", "device", "list", "--data", data]);
  expect(listed.lines.map(({ deviceId }) => deviceId)).toContain("shed-1");
});

test("a hub is reached by a connection string from the environment, and by one in an argument", async () => {
  const { ownerConnectionString: owner, caFile } = serving.ready;
  // The hub itself tells its MQTT port.
  const reach = ["--ca", String(caFile)];
  const args = ["--demo", "--boards", "1", ...reach];
  const byEnvironment = await simUntilTelemetry(args, { GODWIT_HUB_CONNECTION: String(owner) });
  expect(byEnvironment.lines.at(-1)).toMatchObject({ event: "summary", connected: 1 });
  expect(byEnvironment.exitCode).toBe(0);
  const wrong = String(owner).replace(/SharedAccessKey=.*/, `SharedAccessKey=${btoa("wrong")}`);
  const refused = await godwit(["sim", ...args, "--hub", wrong]);
  expect(refused).toMatchObject({ exitCode: 8, lines: [{ event: "error" }] });
  expect(JSON.stringify(refused)).not.toContain(btoa("wrong"));
});

test.each([
  ["nobody listens", "1", "mqtt-unreachable", /localhost:1: .*ECONNREFUSED/, /--mqtt-port/],
  ["another hub listens", "", "hub-untrusted", /trust localhost:\d+: .*certificate/, /--ca/],
])(
  "%s at the MQTT port: told at once with place, reason and way out",
  async (_, port, code, message, hint) => {
    const { ownerConnectionString: owner, caFile, mqttsPort } = serving.ready;
    const other =
      port === "" ? await serve("--https", "0", "--data", join(folder, "other")) : undefined;
    const args = ["--ca", String(caFile), "--mqtt-port", port || String(other?.ready.mqttsPort)];
    const { lines, exitCode } = await godwit(["sim", "--demo", ...args], {
      GODWIT_HUB_CONNECTION: String(owner),
    });
    other?.process.kill("SIGKILL");
    expect(exitCode).toBe(4);
    expect(lines).toEqual([
      expect.objectContaining({
        event: "error",
        code,
        message: expect.stringMatching(message),
        try: expect.stringMatching(hint),
      }),
    ]);
    expect(mqttsPort).not.toBe(8883);
  },
);

test("batches of the weather station reach a hub, and are decoded from there with names and times", async () => {
  const weather = fileURLToPath(new URL("../../firmware/apps/weather", import.meta.url));
  const { exitCode } = await simUntilTelemetry([weather, "--boards", "1", "--hub", data]);
  expect(exitCode).toBe(0);
  const out = join(folder, "weather.jsonl");
  const args = ["export", "hub", "--device", "weather-1", "--data", data, "--model", weather];
  const exported = await godwit(["telemetry", ...args, "--out", out]);
  expect(exported.exitCode).toBe(0);
  const delivery = exported.lines.filter(({ event }) => event === "delivery");
  expect(delivery[0]).toMatchObject({ class: 0, missing: 0, duplicates: 0 });
  // Any number: another run against the same hub is another life of the board.
  const { boot } = delivery[0] as unknown as { boot: number };
  expect(boot).toBeGreaterThan(0);
  const [row] = readFileSync(out, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(row).toMatchObject({ device: "weather-1", boot, values: { stormWarning: false } });
  expect(Math.abs(Number(row!.t_ms) - Date.now())).toBeLessThan(3_600_000);
});

test("an app that does not compile is refused with file, line and column before anything starts", async () => {
  const app = join(folder, "broken");
  mkdirSync(app);
  writeFileSync(join(app, "main.ts"), 'const n: number =\n  "text";\nexport { n };\n');
  const types = await godwit(["sim", "broken"]);
  expect(types).toMatchObject({ exitCode: 2, lines: [{ event: "error" }] });
  expect(types.lines[0]?.message).toMatch(/main\.ts:1:7\b/);
  writeFileSync(join(app, "main.ts"), 'import { x } from "node:fs";\nx();\n');
  const imports = await godwit(["sim", "broken"]);
  expect(imports).toMatchObject({ exitCode: 2, lines: [{ event: "error" }] });
  expect(imports.lines[0]?.message).toMatch(/main\.ts:1:\d+/);
});

test("an app that fails on its boards fails the run, with the reason and the place", async () => {
  const app = join(folder, "stillborn");
  mkdirSync(app);
  writeFileSync(join(app, "main.ts"), '\nthrow new TypeError("no sensor");\n');
  const { lines, exitCode, stderr } = await godwit([
    ...["sim", "stillborn", "--boards", "2", "--seconds", "2"],
  ]);
  expect(exitCode).toBe(1);
  const ends = lines.filter(({ event }) => event === "ended");
  expect(ends.map(({ reason }) => reason)).toEqual(["exception", "exception"]);
  expect(ends[0]?.at).toMatch(/stillborn\/main\.ts:2:\d+$/);
  expect(lines.at(-2)).toMatchObject({ event: "error", code: "not-connected" });
  expect(lines.at(-1)).toMatchObject({ event: "summary", connected: 0, d2cAcked: 0, errors: 2 });
  expect(stderr).toContain("no sensor");
});

test.each([
  ["no app", ["sim"], 2, "no-app"],
  ["no such app", ["sim", "nowhere"], 2, "no-app"],
  ["no boards", ["sim", "--demo", "--boards", "0"], 2, "bad-option"],
  ["no such hub", ["sim", "--demo", "--hub", "nowhere"], 2, "no-hub"],
])("%s is a usage error with a way out", async (_name, args, exitCode, code) => {
  const ended = await godwit(args);
  expect(ended).toMatchObject({ exitCode, lines: [{ event: "error", code }] });
});

test("Ctrl-C in a month of virtual time ends it with the summary of the days until then", async () => {
  const app = fileURLToPath(new URL("../sim/apps/endurance", import.meta.url));
  const args = ["--virtual", "--days", "30", "--boards", "1", "--method", "getState"];
  const { lines, exitCode } = await simUntil("day", [app, ...args]);
  expect(exitCode).toBe(0);
  const days = lines.filter(({ event }) => event === "day").length;
  expect(lines.at(-1)).toMatchObject({ event: "summary", days: 30, errors: 0 });
  expect(lines.at(-1)?.d2cAcked).toBeGreaterThan(0);
  expect(days).toBeLessThan(30);
  expect(Math.floor(Number(lines.at(-1)?.daysRun))).toBe(days);
});

test("Ctrl-C ends boards and hub in order, and leaves nothing behind", async () => {
  const { lines, exitCode } = await simUntilTelemetry(["--demo", "--boards", "1"]);
  expect(exitCode).toBe(0);
  expect(lines.at(-1)).toMatchObject({ event: "summary", connected: 1 });
  expect(readdirSync(temporary)).toEqual([]);
});
