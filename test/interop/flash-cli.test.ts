// The command line from an empty folder, against a virtual board: results, JSON, exit codes, refusals.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { run } from "../../host-tools/cli/run.ts";
import { verbs } from "../../host-tools/cli/verbs-table.ts";
import { benchFaults } from "../../host-tools/emulator/bench/bench-faults.ts";
import { type ServedBoard, serveVirtualBoard } from "../../host-tools/emulator/bench/serve.ts";
import { serveVirtualPico } from "../../host-tools/emulator/bench/serve-pico.ts";
import { keptFiles, keptFolder } from "../../host-tools/flash/esp/kept-files.ts";

let folder: string;
let served: ServedBoard;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "godwit-cli-"));
  served = await serveVirtualBoard({
    chip: "esp32c3",
    host: "127.0.0.1",
    port: 0,
    faults: {},
    seed: 1,
    flashMegabytes: 4,
    isPaced: false,
  });
});
afterEach(async () => {
  await served.close();
  rmSync(folder, { recursive: true });
});

interface Ended {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
  readonly events: readonly Record<string, unknown>[];
}

async function godwit(
  line: string,
  signal = new AbortController().signal,
  seen: { err: string } = { err: "" },
): Promise<Ended> {
  const written = Object.assign(seen, { out: "" });
  const sink = (name: "out" | "err") => ({
    write: (text: string) => {
      written[name] += text;
    },
  });
  const exitCode = await run(line.split(" "), {
    verbs,
    version: "0",
    stdout: sink("out"),
    stderr: sink("err"),
    env: { PATH: process.env.PATH, XDG_STATE_HOME: join(folder, "state") },
    cwd: folder,
    interrupted: () => signal,
  });
  const events = line.includes("--json")
    ? written.out
        .split("\n")
        .filter(Boolean)
        .map((text) => JSON.parse(text) as Record<string, unknown>)
    : [];
  return { exitCode, ...written, events };
}

const set = "fw/bootloader.bin@0x0 fw/partitions.bin@0x8000 fw/app.bin@0x10000";

test("a newcomer's way: firmware, flash, monitor, read, erase", async () => {
  const port = `--port ${served.url}`;
  expect((await godwit("bench firmware fw")).out).toContain(set);
  const flashed = await godwit(`flash ${port} --board esp32c3 --verify ${set}`);
  expect(flashed.exitCode, flashed.err).toBe(0);
  expect(flashed.out).toContain("verified in");
  expect(flashed.err).toMatch(/flash: \d+ % write/);
  const watched = await godwit(`monitor ${port} --until heartbeat.1 --timeout 20 --tee log.txt`);
  expect(watched.exitCode, watched.err).toBe(0);
  expect(readFileSync(join(folder, "log.txt"), "utf8")).toContain("heartbeat");
  const again = await godwit(`flash ${port} ${set} --json`);
  expect(again.events).toEqual([
    expect.objectContaining({ schema: "godwit/flash/1", event: "flashed", writtenBytes: 0 }),
  ]);
  expect((await godwit(`flash read 0x8000 0xc00 table.bin ${port}`)).exitCode).toBe(0);
  expect((await godwit("partitions table.bin")).out).toContain("app0");
  expect((await godwit(`flash erase 0x9000 0x1000 ${port}`)).exitCode).toBe(0);
  expect((await godwit(`flash id ${port} --json`)).events[0]).toMatchObject({ chip: "esp32c3" });
});

test("Ctrl-C in the middle of a write says what is half written, in JSON too", async () => {
  const port = `--port ${served.url}`;
  await godwit("bench firmware fw");
  for (const json of ["", " --json"]) {
    served.board.flash.bytes.fill(0xff);
    const controller = new AbortController();
    const { flash } = served.board;
    const erase = flash.erase.bind(flash);
    flash.erase = (offset, size) => {
      if (offset >= 0x10000) controller.abort();
      return erase(offset, size);
    };
    const ended = await godwit(`flash ${port} ${set}${json}`, controller.signal);
    flash.erase = erase;
    expect(ended.exitCode, ended.err).toBe(130);
    expect(ended.err).toMatch(/godwit: interrupted: app\.bin is half written \(0x10000 to/);
    expect(ended.err).toContain("try: run the same command again");
    if (json) expect(ended.events.at(-1)).toMatchObject({ event: "error", code: "interrupted" });
  }
  expect((await godwit(`flash ${port} ${set}`)).exitCode).toBe(0);
});

test("a merged image is refused for what is in it, with the flash untouched; a good one is written", async () => {
  await godwit("bench firmware fw");
  await godwit("bench firmware s3 --board esp32s3");
  await godwit("bench firmware e --board esp32");
  const merge = (name: string, parts: readonly (readonly [string, number])[]) => {
    const merged = Buffer.alloc(0x1d000, 0xff);
    for (const [file, at] of parts) readFileSync(join(folder, file)).copy(merged, at);
    writeFileSync(join(folder, name), merged);
  };
  const table = ["fw/partitions.bin", 0x8000] as const;
  merge("mixed.bin", [["fw/bootloader.bin", 0], table, ["s3/app.bin", 0x10000]]);
  merge("foreign.bin", [["e/bootloader.bin", 0x1000], table, ["e/app.bin", 0x10000]]);
  merge("good.bin", [["fw/bootloader.bin", 0], table, ["fw/app.bin", 0x10000]]);
  const flash = (file: string) => godwit(`flash ${file}@0x0 --port ${served.url} --json`);
  for (const file of ["mixed.bin", "foreign.bin"]) {
    const { events, exitCode, err } = await flash(file);
    expect(exitCode, err).toBe(2);
    expect(events.at(-1)).toMatchObject({ code: "wrong-chip", try: expect.any(String) });
  }
  expect(served.board.flash.touchedSectors.size).toBe(0);
  const good = await flash("good.bin");
  expect(good.exitCode, good.err).toBe(0);
});

test("settings become a partition that only its owner may read", async () => {
  writeFileSync(
    join(folder, "s.csv"),
    "key,type,encoding,value\nwifi,namespace,,\npass,data,string,secret\n",
  );
  const made = await godwit("nvs make s.csv nvs.bin --size 0x4000");
  expect(made.exitCode, made.err).toBe(0);
  expect(statSync(join(folder, "nvs.bin")).mode & 0o777).toBe(0o600);
  expect((await godwit("nvs show nvs.bin")).out).not.toContain("secret");
  expect((await godwit("nvs show nvs.bin --values")).out).toContain("secret");
});

test("files are recognised, tables converted", async () => {
  await godwit("bench firmware fw");
  const info = await godwit("image info fw/app.bin --json");
  expect(info.events[0]).toMatchObject({ kind: "esp", chip: "esp32c3", hasSha256: true });
  expect((await godwit("partitions fw/partitions.bin --out t.csv")).exitCode).toBe(0);
  expect((await godwit("partitions t.csv --out t.bin")).exitCode).toBe(0);
  const [a, b] = ["fw/partitions.bin", "t.bin"].map((name) => readFileSync(join(folder, name)));
  expect(a!.equals(b!)).toBe(true);
});

test("each mistake has its exit code, its code and a way out", async () => {
  const port = `--port ${served.url}`;
  await godwit("bench firmware fw");
  await godwit("bench firmware other --board esp32s3");
  await godwit("bench firmware pico --board rp2040");
  const foreign = readFileSync(join(folder, "pico/app.uf2"));
  for (let at = 28; at < foreign.length; at += 512) foreign.writeUInt32LE(0x68ed2b88, at);
  writeFileSync(join(folder, "foreign.uf2"), foreign);
  writeFileSync(join(folder, "stump.uf2"), foreign.subarray(0, 5));
  writeFileSync(join(folder, "short.uf2"), Buffer.from("UF2\nWQ\x5d\x9e", "latin1"));
  writeFileSync(join(folder, "raw40.bin"), new Uint8Array(36 << 10).fill(0x40));
  const cases: readonly [string, number, string][] = [
    [`flash ${port} fw/app.bin`, 2, "bad-input"],
    [`flash ${port} nothing.bin@0x0`, 2, "bad-input"],
    [`flash ${port} other/app.bin@0x10000`, 2, "wrong-chip"],
    [`flash ${port} fw/app.bin@0x10000 fw/app.bin@0x11000`, 2, "overlap"],
    [`flash ${port} fw/app.bin@0x3fc000`, 2, "does-not-fit"],
    [`flash ${port} fw/app.bin@0x0`, 2, "does-not-fit"],
    [`flash ${port} raw40.bin@0x4000`, 2, "does-not-fit"],
    [`flash ${port} raw40.bin@0x4000 --no-stub`, 2, "does-not-fit"],
    [`flash ${port} --board esp32s3 fw/app.bin@0x10000`, 2, "wrong-chip"],
    [`flash ${port} --board esp32s3 fw/partitions.bin@0x8000`, 3, "wrong-board"],
    [`flash ${port} fw/app.bin@0x10000 other/bootloader.bin@0x0`, 2, "wrong-chip"],
    [`flash ${port} fw/app.bin@0x10000000`, 2, "bad-input"],
    [`flash ${port} fw/app.bin@0x10000 --flash-size 3MB`, 2, "bad-input"],
    [`flash ${port} fw/app.bin@0x10000 --flash-size 4MB`, 2, "bad-input"],
    [`flash ${port} fw/app.bin@0x10000 --flash-mode fast`, 2, "bad-input"],
    [`flash ${port} fw/app.bin@0x10000 --flash-freq 81m`, 2, "bad-input"],
    [`flash read 0 0 nothing.bin ${port}`, 2, "bad-input"],
    [`flash read 0 4000M nothing.bin ${port}`, 2, "bad-input"],
    [`flash read 0x3ff000 0x2000 nothing.bin ${port}`, 2, "bad-input"],
    [`flash read 0x500000 0x1000 nothing.bin ${port}`, 2, "bad-input"],
    [`flash erase 0x9000 ${port}`, 2, "bad-input"],
    [`flash erase 0x9000 0 ${port}`, 2, "bad-input"],
    [`flash ${port} --mac 00:00:00:00:00:01 fw/app.bin@0x10000`, 3, "wrong-board"],
    ["flash --port rfc2217://127.0.0.1:1 fw/app.bin@0x10000", 3, "no-device"],
    ["flash --port /dev/ttyNOTHING fw/app.bin@0x10000", 3, "no-device"],
    ["flash reed 0 1 x", 2, "bad-input"],
    [`flash ${port} fw/app.bin@0x10000 --baud 0`, 2, "bad-input"],
    [`monitor ${port} --baud 0`, 2, "bad-input"],
    ["partitions fw/app.bin", 2, "bad-input"],
    ["flash short.uf2", 2, "bad-input"],
    ["flash pico/app.uf2 --drive nowhere", 3, "no-device"],
    ["flash stump.uf2", 2, "bad-input"],
    ["flash foreign.uf2", 2, "wrong-chip"],
    ["flash pico/app.uf2 --board raspberry-pi-pico-2", 2, "wrong-chip"],
    [`flash pico/app.uf2 ${port} --board esp32c3`, 2, "wrong-chip"],
    [`flash fw/app.bin@0 ${port} --board raspberry-pi-pico`, 2, "bad-input"],
    ["flash --board toaster fw/app.bin@0x10000", 2, "bad-input"],
    [`monitor ${port} --until never --timeout 0.3`, 6, "timeout"],
    [`monitor ${port} --reset --fail-on boot --timeout 20`, 1, "fail-text"],
    [`monitor ${port} --maps nowhere`, 2, "bad-input"],
    [`monitor ${port} --maps fw`, 2, "bad-input"],
    [`monitor ${port} --elf nowhere.elf`, 2, "bad-input"],
    [`monitor ${port} --elf fw/app.bin`, 2, "bad-input"],
    [`monitor ${port} --timeout x`, 2, "bad-input"],
    ["image info fw", 2, "bad-input"],
    ["bench virtual --fault rain=1", 2, "bad-input"],
    ["bench virtual --board rp2040 --fault drop=0.1", 2, "bad-input"],
    ["bench virtual --board rp2040 --flash-file f.bin", 2, "bad-input"],
    ["bench virtual --board rp2350 --mac 02:00:00:00:00:01", 2, "bad-input"],
    ["bench virtual --board rp2040 --flash-size 2", 2, "bad-input"],
    ["bench virtual --board rp2040 --paced", 2, "bad-input"],
    ["bench virtual --board rp2040 --pty", 2, "bad-input"],
    ["bench virtual --board esp32c3 --drive d", 2, "bad-input"],
    ["bench virtual --board esp8266", 2, "bad-input"],
    ["bench firmware x --board esp8266", 2, "bad-input"],
    ["bench virtual --flash-size 3", 2, "bad-input"],
    ["bench virtual --listen 127.0.0.1:99999", 2, "bad-input"],
    [`bench virtual --listen ${served.url.slice(10)}`, 7, "port-failed"],
    ["bench virtual --listen 192.0.2.1:0", 7, "port-failed"],
  ];
  for (const [line, exitCode, code] of cases) {
    const ended = await godwit(`${line} --json`);
    expect(ended.exitCode, `${line}\n${ended.err}`).toBe(exitCode);
    const last = ended.events.at(-1)!;
    expect(last, line).toMatchObject({ event: "error", code, exitCode });
    expect(last.try, line).toBeTruthy();
  }
  expect(served.board.flash.touchedSectors.size).toBe(0);
});

test("files that cannot be written, never end or are something else are refused without a stack", async () => {
  const port = `--port ${served.url}`;
  writeFileSync(join(folder, "noise.bin"), new Uint8Array(8192).fill(7));
  writeFileSync(join(folder, "s.csv"), "key,type,encoding,value\nn,namespace,,\na,data,u8,1\n");
  writeFileSync(
    join(folder, "evil.csv"),
    `${"\u001b]0;evil\u0007".padEnd(40, "x")},data,nvs,,4K\n`,
  );
  const table = "nvs,data,nvs,0x9000,16K\n";
  writeFileSync(join(folder, "t.csv"), table);
  const lines = [
    "nvs make s.csv nowhere/nvs.bin",
    "nvs show noise.bin",
    "partitions t.csv --out nowhere/t.bin",
    "partitions evil.csv",
    "image info /dev/zero",
    "bench firmware t.csv",
    "bench virtual --flash-file nowhere/flash.bin",
    "bench virtual --flash-file /dev/zero",
    "bench virtual --flash-file /dev/full",
    "bench virtual --flash-file .",
    "bench virtual --fault drop=2",
    "bench virtual --seed x",
    `monitor ${port} --timeout 1 --tee nowhere/log.txt`,
    `flash read 0 0x1000 nowhere/flash.bin ${port}`,
    `flash erase 0x400000 0x1000 ${port}`,
    `flash noise.bin@0x9000 --mac zz ${port}`,
  ];
  for (const line of lines) {
    const { exitCode, err } = await godwit(line);
    expect(exitCode, `${line}: ${err}`).toBe(2);
    expect(err, line).toContain("try: ");
    expect(err, line).not.toMatch(/\n {4}at /);
    expect(err, line).not.toContain("\u001b");
  }
  expect(readFileSync(join(folder, "t.csv"), "utf8")).toBe(table);
});

test("the help of the virtual bench names every fault with its meaning", async () => {
  const { out } = await godwit("bench virtual --help");
  for (const [name, { unit, what }] of Object.entries(benchFaults)) {
    expect(out).toContain(`${name}=<${unit}>`);
    expect(out).toContain(what);
  }
  expect(out).toContain("hub that lies about power");
});

test("a port that somebody watches is busy: exit code 7, and the watcher sees nothing of it", async () => {
  const stop = new AbortController();
  const seen = { err: "" };
  const watching = godwit(`monitor --port ${served.url} --json`, stop.signal, seen);
  while (!seen.err.includes("connected")) await new Promise((resolve) => setTimeout(resolve, 20));
  const ended = await godwit(`flash id --port ${served.url} --json`);
  expect(ended.exitCode, ended.err).toBe(7);
  expect(ended.events[0]).toMatchObject({ code: "port-busy", exitCode: 7 });
  expect(ended.err).toContain("try: end the other program");
  stop.abort();
  const events = (await watching).events.map(({ event }) => event);
  expect(events).not.toContain("disconnected");
  expect((await godwit(`flash id --port ${served.url}`)).exitCode).toBe(0);
});

test("a Pico that was left in BOOTSEL mode: the error names the command, and the command works", async () => {
  const drive = join(folder, "RPI-RP2");
  const options = { chip: "rp2040", host: "127.0.0.1", port: 0, drive } as const;
  const pico = await serveVirtualPico({ ...options, startsInBootsel: true });
  await godwit("bench firmware fw --board rp2040");
  const retried = await godwit(`flash fw/app.uf2 --port ${pico.url} --json`);
  expect(retried.events.at(-1)).toMatchObject({ code: "no-device", exitCode: 3 });
  expect(retried.events.at(-1)!.try).toContain("godwit flash fw/app.uf2 --drive <");
  while (!existsSync(join(drive, "INFO_UF2.TXT")))
    await new Promise((resolve) => setTimeout(resolve, 20));
  const flashed = await godwit(`flash fw/app.uf2 --port ${pico.url} --drive ${drive} --json`);
  expect(flashed.exitCode, flashed.err).toBe(0);
  expect(flashed.events.at(-1)).toMatchObject({ event: "flashed", cameBack: true });
  while (pico.board.boots === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  await pico.close();
});

test("a file row of a settings table may name an absolute path", async () => {
  const secret = join(folder, "key.der");
  writeFileSync(secret, "abc");
  const csv = `key,type,encoding,value\nn,namespace,,\na,file,string,${secret}\n`;
  writeFileSync(join(folder, "s.csv"), csv);
  expect((await godwit("nvs make s.csv nvs.bin")).exitCode).toBe(0);
  expect((await godwit("nvs show nvs.bin --values")).out).toContain("abc");
});

test("a BIN file becomes UF2 and reaches a Pico through the 1200-baud touch", async () => {
  const drive = join(folder, "RPI-RP2");
  const pico = await serveVirtualPico({ chip: "rp2040", host: "127.0.0.1", port: 0, drive });
  writeFileSync(join(folder, "blink.bin"), Buffer.alloc(700, 0x42));
  const flash = `flash --port ${pico.url} --drive ${drive} --json`;
  const flashed = await godwit(`${flash} blink.bin@0x10000000 --board raspberry-pi-pico`);
  expect(flashed.exitCode, flashed.err).toBe(0);
  expect(flashed.events[0]).toMatchObject({ chip: "rp2040", boardId: "RPI-RP2", cameBack: true });
  expect(pico.board.boots).toBe(2);
  expect(pico.board.flash.bytes.subarray(0, 700).every((byte) => byte === 0x42)).toBe(true);
  expect(existsSync(drive)).toBe(false);
  await pico.close();
});

test("a virtual board is served until it is interrupted, and keeps its flash in a file", async () => {
  const stop = new AbortController();
  const serving = godwit(
    "bench virtual --board esp32 --flash-file f.bin --flash-size 2 --json",
    stop.signal,
  );
  while (!existsSync(join(folder, "f.bin")))
    await new Promise((resolve) => setTimeout(resolve, 20));
  stop.abort();
  const ended = await serving;
  expect(ended.exitCode).toBe(0);
  expect(ended.events.map(({ event }) => event)).toEqual(["serving", "stopped"]);
  expect(statSync(join(folder, "f.bin")).size).toBe(2 << 20);
});

test("a flash file holds what a job has just reported as written", async () => {
  const stop = new AbortController();
  const seen = { err: "" };
  await godwit("bench firmware fw");
  const serving = godwit("bench virtual --flash-file f.bin --json", stop.signal, seen);
  while (!seen.err.includes("--port ")) await new Promise((resolve) => setTimeout(resolve, 20));
  const port = /--port (\S+)/.exec(seen.err)![1]!;
  for (const after of ["", " --no-after"]) {
    const file = `fw/app.bin@${after ? "0x110000" : "0x10000"}`;
    const flashed = await godwit(`flash ${file} --port ${port}${after}`);
    const saved = readFileSync(join(folder, "f.bin"));
    expect(flashed.exitCode, flashed.err).toBe(0);
    const app = readFileSync(join(folder, "fw/app.bin"));
    const at = Number(file.split("@")[1]);
    expect(saved.subarray(at, at + app.length).equals(app), after).toBe(true);
  }
  stop.abort();
  expect((await serving).exitCode).toBe(0);
});

test("a flash file that can no longer be written: a note, service goes on, exit code 7 in the end", async () => {
  const stop = new AbortController();
  const seen = { err: "" };
  await godwit("bench firmware fw");
  mkdirSync(join(folder, "kept"));
  const serving = godwit("bench virtual --flash-file kept/f.bin --json", stop.signal, seen);
  while (!seen.err.includes("--port ")) await new Promise((resolve) => setTimeout(resolve, 20));
  const port = /--port (\S+)/.exec(seen.err)![1]!;
  rmSync(join(folder, "kept"), { recursive: true });
  const flashed = await godwit(`flash fw/app.bin@0x10000 --port ${port}`);
  expect(flashed.exitCode, flashed.err).toBe(0);
  expect(seen.err.match(/the flash is not saved/g)).toHaveLength(1);
  stop.abort();
  const ended = await serving;
  expect(ended.exitCode).toBe(7);
  const told = ended.events.filter(({ event }) => event === "warning");
  expect(told).toEqual([
    expect.objectContaining({
      code: "port-failed",
      message: expect.stringContaining("the flash is not saved"),
      try: expect.stringContaining("--flash-file"),
    }),
  ]);
  expect(ended.events.at(-1)).toMatchObject({ event: "error", code: "port-failed" });
  expect(ended.err).not.toMatch(/\n {4}at /);
});

test("reading and erasing say which board they acted on", async () => {
  const mac = "24:0a:c4:00:01:10";
  for (const line of ["read 0x8000 0x10 r.bin", "erase 0x20000 0x1000", "erase"]) {
    const text = await godwit(`flash ${line} --port ${served.url}`);
    expect(text.err, line).toContain(`ESP32-C3, MAC ${mac}, 4 MB flash`);
    const { events } = await godwit(`flash ${line} --port ${served.url} --json`);
    expect(events.at(-1), line).toMatchObject({ chip: "esp32c3", mac });
  }
});

test("erasing forgets what was kept of the erased sectors of that board, and nothing else", async () => {
  const state = keptFolder({ XDG_STATE_HOME: join(folder, "state") });
  const mac = "24:0a:c4:00:01:10";
  const other = "02:00:00:00:00:01";
  const bytes = new Uint8Array(4096).fill(7);
  const keep = (board: string, offset: number) =>
    keptFiles(state).keep({ mac: board, offset, bytes, neighbours: [{ offset, size: 16 }] });
  keep(other, 0x20000);
  for (const offset of [0x1f000, 0x20000, 0x22000]) keep(mac, offset);
  const left = () =>
    keptFiles(state)
      .keptOf(mac)
      .map(({ offset }) => offset);
  expect((await godwit(`flash erase 0x20000 0x2000 --port ${served.url}`)).exitCode).toBe(0);
  expect(left().sort()).toEqual([0x1f000, 0x22000]);
  expect((await godwit(`flash erase --port ${served.url}`)).exitCode).toBe(0);
  expect(left()).toEqual([]);
  expect(keptFiles(state).keptOf(other)).toHaveLength(1);
  const damaged = keep(mac, 0x20000);
  writeFileSync(damaged, "{");
  const { touchedSectors } = served.board.flash;
  touchedSectors.clear();
  const refused = await godwit(`flash erase --port ${served.url} --json`);
  expect(refused.events.at(-1)).toMatchObject({ code: "bad-input", exitCode: 2 });
  expect(refused.err).toContain(damaged);
  expect(touchedSectors.size).toBe(0);
});

test("reading, erasing and identifying hold to --mac as well", async () => {
  served.board.flash.bytes.fill(7, 0x20000, 0x21000);
  const other = `--mac 00:11:22:33:44:55 --port ${served.url} --json`;
  for (const line of ["erase 0x20000 0x1000", "read 0x20000 0x10 r.bin", "id"]) {
    const ended = await godwit(`flash ${line} ${other}`);
    expect(ended.exitCode).not.toBe(0);
    expect(ended.events.at(-1)).toMatchObject({ event: "error", code: "wrong-board" });
  }
  expect(served.board.flash.bytes[0x20000]).toBe(7);
  expect(existsSync(join(folder, "r.bin"))).toBe(false);
});
