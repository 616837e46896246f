// Flashing 1 MiB onto the same virtual ESP32-C3 (921600 baud, paced, in its own process): ours and esptool-js.
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { ESPLoader, Transport } from "esptool-js";
import { runFlashJob } from "../../host-tools/flash/esp/job.ts";
import { op } from "../../host-tools/flash/esp/protocol.ts";
import { type HostClock, realClock } from "../../host-tools/serial/clock.ts";
import type { PortSource } from "../../host-tools/serial/port.ts";
import { rfc2217Source } from "../../host-tools/serial/rfc2217.ts";
import { sampleImage, virtualBench } from "../support/bench.ts";
import { WebSerialPort } from "../support/web-serial.ts";

const baud = 921_600;
const bitsPerByte = 10;
const offset = 0x10000;
const imageBytes = 1 << 20;

interface Figures {
  readonly cpuMs: number;
  readonly totalMs: number;
  /** From the first byte of the write to the answer to its last block. */
  readonly writeMs: number;
  /** What the same bytes take on a UART, one direction after the other. */
  readonly writeWireMs: number;
  readonly writeOverWire: number;
  readonly bytesToBoard: number;
}

/** Counts bytes and notes when the write began and ended, on the clock it is given. */
class Meter {
  readonly #clock: HostClock;
  #startMs: number | undefined;
  #endMs = 0;
  #bytes = 0;
  #bytesAtEnd = 0;
  #isBlockAwaited = false;
  bytesToBoard = 0;

  constructor(clock: HostClock) {
    this.#clock = clock;
  }

  wrap(source: PortSource): PortSource {
    return {
      address: source.address,
      open: async (speed, events) => {
        const port = await source.open(speed, {
          ...events,
          onData: (bytes) => {
            this.#bytes += bytes.length;
            if (this.#isBlockAwaited) this.#endNow();
            events.onData(bytes);
          },
        });
        const write = port.write.bind(port);
        port.write = (bytes) => {
          this.#sent(bytes);
          return write(bytes);
        };
        return port;
      },
    };
  }

  #sent(bytes: Uint8Array): void {
    const operation = bytes[2];
    if (operation === op.deflBegin && this.#startMs === undefined) {
      this.#startMs = this.#clock.nowMs();
      this.#bytes = 0;
    }
    this.#bytes += bytes.length;
    this.bytesToBoard += bytes.length;
    this.#isBlockAwaited = operation === op.deflData;
  }

  #endNow(): void {
    this.#endMs = this.#clock.nowMs();
    this.#bytesAtEnd = this.#bytes;
  }

  figures(cpuMs: number, totalMs: number): Figures {
    const writeMs = this.#endMs - (this.#startMs ?? 0);
    const writeWireMs = (this.#bytesAtEnd * bitsPerByte * 1000) / baud;
    const round = (value: number) => Math.round(value * 10) / 10;
    return {
      cpuMs: round(cpuMs),
      totalMs: round(totalMs),
      writeMs: round(writeMs),
      writeWireMs: round(writeWireMs),
      writeOverWire: Math.round((writeMs / writeWireMs) * 1000) / 1000,
      bytesToBoard: this.bytesToBoard,
    };
  }
}

async function startBoard(): Promise<{ child: ChildProcess; url: string }> {
  const cli = fileURLToPath(new URL("../../host-tools/cli/main.js", import.meta.url));
  const args = [cli, "bench", "virtual", "--board", "esp32c3", "--paced", "--json"];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "ignore"] });
  for await (const line of createInterface({ input: child.stdout! })) {
    const event = JSON.parse(line) as { event: string; url?: string };
    if (event.event === "serving" && event.url) return { child, url: event.url };
  }
  throw new Error("the virtual board did not start");
}

async function measured(work: (source: PortSource) => Promise<void>): Promise<Figures> {
  const { child, url } = await startBoard();
  try {
    const meter = new Meter(realClock);
    const source = meter.wrap(rfc2217Source(url));
    const cpuBefore = process.cpuUsage();
    const startedMs = performance.now();
    await work(source);
    const totalMs = performance.now() - startedMs;
    const cpu = process.cpuUsage(cpuBefore);
    return meter.figures((cpu.user + cpu.system) / 1000, totalMs);
  } finally {
    child.kill();
  }
}

async function withOurs(
  source: PortSource,
  image: Uint8Array,
  clock: HostClock = realClock,
): Promise<void> {
  await runFlashJob({
    source,
    clock,
    baud,
    regions: [{ offset, bytes: image, name: "image" }],
  });
}

const quiet = { clean: () => {}, write: () => {}, writeLine: () => {} };

async function withEsptoolJs(source: PortSource, image: Uint8Array): Promise<void> {
  const port = new WebSerialPort(source);
  const transport = new Transport(port as never, false);
  // The library prints trace lines to stdout even when tracing is off; stdout is for figures.
  const log = console.log;
  console.log = () => {};
  try {
    const loader = new ESPLoader({ transport, baudrate: baud, terminal: quiet });
    await loader.main();
    await loader.writeFlash({
      fileArray: [{ data: image, address: offset }],
      flashMode: "keep",
      flashFreq: "keep",
      flashSize: "keep",
      eraseAll: false,
      compress: true,
      calculateMD5Hash: (bytes: Uint8Array) => createHash("md5").update(bytes).digest("hex"),
    });
    await transport.disconnect();
  } finally {
    console.log = log;
  }
}

/** The same job on a virtual clock: what the protocol costs, without this machine's other load. */
async function simulated(image: Uint8Array): Promise<Figures> {
  const { clock, source } = virtualBench("esp32c3");
  const meter = new Meter(clock);
  await clock.run(withOurs(meter.wrap(source), image, clock));
  return meter.figures(0, clock.nowMs());
}

/** CPU time of esptool-js's, and of the wire's own time in virtual time: real time has the machine's noise in it. */
const limits = { cpuRatio: 0.2, writeOverWire: 1.03 };

export async function run(): Promise<object & { missed: string[] }> {
  const image = sampleImage(imageBytes, 1);
  const godwit = await measured((source) => withOurs(source, image));
  const esptoolJs = await measured((source) => withEsptoolJs(source, image));
  const godwitSimulated = await simulated(image);
  const cpuRatio = Math.round((godwit.cpuMs / esptoolJs.cpuMs) * 1000) / 1000;
  const { writeOverWire } = godwitSimulated;
  const missed: string[] = [];
  if (cpuRatio > limits.cpuRatio) missed.push(`cpuRatio ${cpuRatio}, at most ${limits.cpuRatio}`);
  if (writeOverWire > limits.writeOverWire)
    missed.push(`writeOverWire ${writeOverWire} (virtual time), at most ${limits.writeOverWire}`);
  const speeds = { godwit, esptoolJs, godwitSimulated, cpuRatio };
  return Object.assign({ imageBytes, baud }, speeds, { limits, missed });
}
