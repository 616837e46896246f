// Espressif's esptool, where one is installed (ESPTOOL=<command>), flashes virtual boards over RFC 2217.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { demoFirmware } from "../../host-tools/emulator/bench/demo-firmware.ts";
import { type ServedBoard, serveVirtualBoard } from "../../host-tools/emulator/bench/serve.ts";
import { targetById } from "../../host-tools/flash/esp/targets-table.ts";
import { isSame } from "../support/bench.ts";
import { quietBoard } from "../support/quiet-board.ts";

const esptool = process.env.ESPTOOL;
if (process.env.GODWIT_REQUIRE_ESPTOOL === "1" && !esptool) {
  throw new Error("GODWIT_REQUIRE_ESPTOOL is set, but ESPTOOL names no command");
}

let folder: string;
let served: ServedBoard;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "godwit-esptool-"));
});
afterEach(async () => {
  await served?.close();
  rmSync(folder, { recursive: true });
});

/** Runs esptool beside this process: the board lives here and has to answer meanwhile. */
function run(args: readonly string[]): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(esptool!, ["--port", served.url, ...args], { timeout: 60_000 });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (bytes: Buffer) => {
        output += bytes.toString();
      });
    }
    child.on("close", (code) => resolve({ code, output }));
  });
}

// The chips whose models were made along with what esptool reads; esptool-js flashes the others as well.
const chips = ["esp32", "esp32s3", "esp32c3", "esp32c6"];

test.skipIf(!esptool).each(chips)("esptool flashes a virtual %s (needs ESPTOOL)", async (chip) => {
  served = await serveVirtualBoard({ ...quietBoard, chip });
  const files = demoFirmware(targetById(chip)!);
  const places = files.flatMap(({ name, offset, bytes }) => {
    writeFileSync(join(folder, name), bytes);
    return [`0x${offset.toString(16)}`, join(folder, name)];
  });
  const app = files[2]!;
  const written = await run(["--baud", "460800", "write-flash", ...places]);
  expect(written.code, written.output).toBe(0);
  const copy = join(folder, "read.bin");
  const read = await run([
    "read-flash",
    `0x${app.offset.toString(16)}`,
    `${app.bytes.length}`,
    copy,
  ]);
  expect(read.code, read.output).toBe(0);
  expect(isSame(readFileSync(copy), app.bytes)).toBe(true);
});
