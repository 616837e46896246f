// Ctrl-C at each stage of a command that talks to a board: exit code 130, and what was done by then.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { serveVirtualBoard } from "../../host-tools/emulator/bench/serve.ts";
import { serveVirtualPico } from "../../host-tools/emulator/bench/serve-pico.ts";
import { firmwareSet, folder, godwit, served, setUpFlashCli } from "../support/flash-cli.ts";
import { quietBoard } from "../support/quiet-board.ts";

setUpFlashCli();

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
    const ended = await godwit(`flash ${port} ${firmwareSet}${json}`, controller.signal);
    flash.erase = erase;
    expect(ended.exitCode, ended.err).toBe(130);
    expect(ended.err).toMatch(/godwit: interrupted: app\.bin is half written \(0x10000 to/);
    expect(ended.err).toContain("try: run the same command again");
    if (json) expect(ended.events.at(-1)).toMatchObject({ event: "error", code: "interrupted" });
  }
  expect((await godwit(`flash ${port} ${firmwareSet}`)).exitCode).toBe(0);
});

/** Runs a command and aborts it as soon as `isTime` says so of what it wrote to stderr. */
async function interruptedWhen(line: string, isTime: (err: string) => boolean) {
  const controller = new AbortController();
  const seen = { err: "" };
  const running = godwit(`${line} --json`, controller.signal, seen);
  let isEnded = false;
  void running.then(() => {
    isEnded = true;
  });
  while (!isEnded && !isTime(seen.err)) await new Promise((resolve) => setTimeout(resolve, 5));
  controller.abort();
  const ended = await running;
  expect(ended.exitCode, ended.err).toBe(130);
  expect(ended.err).toContain("try: run the same command again");
  expect(ended.events.at(-1)).toMatchObject({ event: "error", code: "interrupted", exitCode: 130 });
  return String(ended.events.at(-1)!.message);
}

const commands = {
  "flash fw/app.bin@0x10000": "nothing was written",
  "flash id": "nothing was changed",
  "flash read 0 0x1000 r.bin": "nothing was changed",
  "flash erase": "nothing was changed",
};

test.each(Object.entries(commands))(
  "Ctrl-C while no bootloader answers: %s",
  async (line, state) => {
    await godwit("bench firmware fw");
    const deaf = await serveVirtualBoard({
      ...quietBoard,
      faults: { stuck: 1e6 },
      flashMegabytes: 1,
    });
    const isReset = () => deaf.board.boots.length > 1;
    const said = await interruptedWhen(`${line} --port ${deaf.url}`, isReset);
    expect(said).toBe(`interrupted: ${state}`);
    expect(deaf.board.flash.touchedSectors.size).toBe(0);
    expect(existsSync(join(folder, "r.bin"))).toBe(false);
    await deaf.close();
  },
);

test.each(Object.entries(commands))(
  "Ctrl-C while the server says nothing: %s",
  async (line, state) => {
    await godwit("bench firmware fw");
    const sockets: Socket[] = [];
    const silent = createServer((socket) => void sockets.push(socket.on("error", () => {})));
    silent.listen(0, "127.0.0.1");
    await once(silent, "listening");
    const { port } = silent.address() as AddressInfo;
    const isOpening = () => sockets.length > 0;
    const said = await interruptedWhen(`${line} --port rfc2217://127.0.0.1:${port}`, isOpening);
    expect(said).toBe(`interrupted: ${state}`);
    for (const socket of sockets) socket.destroy();
    silent.close();
  },
);

test("Ctrl-C during an erase says so, and the board is not left in its bootloader", async () => {
  const slow = await serveVirtualBoard({
    ...quietBoard,
    faults: { "slow-erase": 2000 },
    flashMegabytes: 1,
  });
  const { flash, boots } = slow.board;
  const port = `--port ${slow.url}`;
  await godwit("bench firmware fw");
  for (const line of ["erase", "erase 0x20000 0x10000", "fw/app.bin@0x10000 --erase-all"]) {
    const erasesBefore = flash.erases;
    const said = await interruptedWhen(`flash ${line} ${port}`, () => flash.erases > erasesBefore);
    expect(said, line).toMatch(/^interrupted: the erase had begun/);
    while (boots.at(-1) !== "app") await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await slow.close();
});

test("Ctrl-C while a plug is out: what is half written is told without waiting for the board", async () => {
  await godwit("bench firmware fw");
  const { flash } = served.board;
  const erase = flash.erase.bind(flash);
  flash.erase = (offset, size) => {
    if (offset >= 0x10000) setImmediate(() => served.wire.unplug());
    return erase(offset, size);
  };
  const said = await interruptedWhen(`flash ${firmwareSet} --port ${served.url}`, (err) =>
    err.includes("recovering: "),
  );
  expect(said).toMatch(/^interrupted: app\.bin is half written \(0x10000 to/);
});

test("Ctrl-C while a Pico's drive is awaited", async () => {
  const drive = join(folder, "RPI-RP2");
  const pico = await serveVirtualPico({ chip: "rp2040", host: "127.0.0.1", port: 0, drive });
  await godwit("bench firmware fw --board rp2040");
  // The drive appears at another place than the one that is looked at.
  const line = `flash fw/app.uf2 --port ${pico.url} --drive ${join(folder, "elsewhere")}`;
  const said = await interruptedWhen(line, (err) => err.includes("entering BOOTSEL"));
  expect(said).toMatch(/^interrupted: nothing was written/);
  expect(pico.board.boots).toBe(1);
  await pico.close();
});

test.each(["SIGINT", "SIGTERM"] as const)(
  "%s to the process itself ends it with 130 and a message",
  async (signal) => {
    const sockets: Socket[] = [];
    const silent = createServer((socket) => void sockets.push(socket.on("error", () => {})));
    silent.listen(0, "127.0.0.1");
    await once(silent, "listening");
    const { port } = silent.address() as AddressInfo;
    const main = fileURLToPath(new URL("../../build/host-tools/cli/main.js", import.meta.url));
    const args = [main, "flash", "erase", "--port", `rfc2217://127.0.0.1:${port}`];
    const child = spawn(process.execPath, args, {
      cwd: folder,
      stdio: ["ignore", "ignore", "pipe"],
    });
    let err = "";
    child.stderr.on("data", (text) => {
      err += text;
    });
    await once(silent, "connection");
    child.kill(signal);
    expect(await once(child, "close")).toEqual([130, null]);
    expect(err).toBe("godwit: interrupted: nothing was changed\ntry: run the same command again\n");
    for (const socket of sockets) socket.destroy();
    silent.close();
  },
);
