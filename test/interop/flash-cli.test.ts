// The command line from an empty folder, against a virtual board: results and JSON.
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { keptFiles, keptFolder } from "../../host-tools/flash/esp/kept-files.ts";
import { firmwareSet, folder, godwit, served, setUpFlashCli } from "../support/flash-cli.ts";

setUpFlashCli();

test("a newcomer's way: firmware, flash, monitor, read, erase", async () => {
  const port = `--port ${served.url}`;
  expect((await godwit("bench firmware fw")).out).toContain(firmwareSet);
  const flashed = await godwit(`flash ${port} --board esp32c3 --verify ${firmwareSet}`);
  expect(flashed.exitCode, flashed.err).toBe(0);
  expect(flashed.out).toContain("verified in");
  expect(flashed.err).toMatch(/flash: \d+ % write/);
  const watched = await godwit(`monitor ${port} --until heartbeat.1 --timeout 20 --tee log.txt`);
  expect(watched.exitCode, watched.err).toBe(0);
  expect(readFileSync(join(folder, "log.txt"), "utf8")).toContain("heartbeat");
  const again = await godwit(`flash ${port} ${firmwareSet} --json`);
  expect(again.events).toEqual([
    expect.objectContaining({ schema: "godwit/flash/1", event: "flashed", writtenBytes: 0 }),
  ]);
  expect((await godwit(`flash read 0x8000 0xc00 table.bin ${port}`)).exitCode).toBe(0);
  expect((await godwit("partitions table.bin")).out).toContain("app0");
  expect((await godwit(`flash erase 0x9000 0x1000 ${port}`)).exitCode).toBe(0);
  expect((await godwit(`flash id ${port} --json`)).events[0]).toMatchObject({ chip: "esp32c3" });
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

test("a file row of a settings table may name an absolute path", async () => {
  const secret = join(folder, "key.der");
  writeFileSync(secret, "abc");
  const csv = `key,type,encoding,value\nn,namespace,,\na,file,string,${secret}\n`;
  writeFileSync(join(folder, "s.csv"), csv);
  expect((await godwit("nvs make s.csv nvs.bin")).exitCode).toBe(0);
  expect((await godwit("nvs show nvs.bin --values")).out).toContain("abc");
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
