// esptool-js from npm, unmodified, flashes virtual boards over RFC 2217 on loopback: write, verify, read back.
import { createHash } from "node:crypto";
import { ESPLoader, Transport } from "esptool-js";
import { afterEach, expect, test } from "vitest";
import { EspBoard } from "../../host-tools/emulator/bench/esp-board.ts";
import { Wire } from "../../host-tools/emulator/bench/wire.ts";
import { espTargets } from "../../host-tools/flash/esp/targets-table.ts";
import { realClock } from "../../host-tools/serial/clock.ts";
import { memorySource } from "../../host-tools/serial/memory.ts";
import { rfc2217Source } from "../../host-tools/serial/rfc2217.ts";
import { type Rfc2217Server, serveRfc2217 } from "../../host-tools/serial/rfc2217-server.ts";
import { isSame, sampleImage } from "../support/bench.ts";
import { WebSerialPort } from "../support/web-serial.ts";

let server: Rfc2217Server | undefined;

afterEach(async () => {
  await server?.close();
});

const quiet = { clean: () => undefined, write: () => undefined, writeLine: () => undefined };

// Somebody else's client is what shows that a model is no mirror of our own.
test.each(espTargets.map((target) => [target.id, target] as const))(
  "esptool-js flashes a virtual %s",
  async (_, target) => {
    const board = new EspBoard({ target, clock: realClock, enableDelayMs: 5 });
    const wire = new Wire(board, { clock: realClock, isPaced: false });
    server = await serveRfc2217(
      memorySource("memory:board", () => wire),
      { host: "127.0.0.1", port: 0 },
    );
    const port = new WebSerialPort(rfc2217Source(server.url));
    const transport = new Transport(port as never, false);
    const loader = new ESPLoader({ transport, baudrate: 460_800, terminal: quiet });
    const image = sampleImage(64 * 1024, 3);

    expect(await loader.main()).toContain(target.name);
    await loader.writeFlash({
      fileArray: [{ data: image, address: 0x10000 }],
      flashMode: "keep",
      flashFreq: "keep",
      flashSize: "keep",
      eraseAll: false,
      compress: true,
      calculateMD5Hash: (bytes: Uint8Array) => createHash("md5").update(bytes).digest("hex"),
    });
    const read = await loader.readFlash(0x10000, image.length);
    await transport.disconnect();

    expect(isSame(read, image)).toBe(true);
    expect(isSame(board.flash.bytes.subarray(0x10000, 0x20000), image)).toBe(true);
    expect([...board.flash.touchedSectors].every((sector) => sector >= 16 && sector < 32)).toBe(
      true,
    );
    expect(board.flash.violations).toBe(0);
  },
);
