// `godwit bench virtual` and the Picos it serves, used through the command line.
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { benchFaults } from "../../host-tools/emulator/bench/bench-faults.ts";
import { serveVirtualPico } from "../../host-tools/emulator/bench/serve-pico.ts";
import { folder, godwit, setUpFlashCli } from "../support/flash-cli.ts";

setUpFlashCli();

test("the help of the virtual bench names every fault with its meaning", async () => {
  const { out } = await godwit("bench virtual --help");
  for (const [name, { unit, what }] of Object.entries(benchFaults)) {
    expect(out).toContain(`${name}=<${unit}>`);
    expect(out).toContain(what);
  }
  expect(out).toContain("hub that lies about power");
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
