// One virtual board behind an RFC 2217 address on real time: what `godwit bench virtual` runs.
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { targetById } from "../../flash/esp/targets-table.ts";
import { realClock } from "../../serial/clock.ts";
import { DeviceError } from "../../serial/error.ts";
import { memorySource } from "../../serial/memory.ts";
import type { PortSource } from "../../serial/port.ts";
import { serveRfc2217 } from "../../serial/rfc2217-server.ts";
import { shorten } from "../../shorten.ts";
import { EspBoard } from "./esp-board.ts";
import { espBoot, heartbeat } from "./esp-boot.ts";
import { lineFault, lineFaultNames, seededRandom } from "./faults.ts";
import { NorFlash } from "./nor-flash.ts";
import { servePty } from "./pty.ts";
import { Wire, type WireFault } from "./wire.ts";

export const benchChips = ["esp32", "esp32s3", "esp32c3", "esp32c6"] as const;

/** Faults by name; the number means a share of frames, a time or a count. */
export const benchFaults = {
  drop: "share of frames that are lost",
  duplicate: "share of frames that arrive twice",
  corrupt: "share of frames with a flipped bit",
  split: "share of frames that arrive in two parts",
  unplug: "share of frames after which the plug is out for two seconds",
  "slow-erase": "milliseconds per erased sector",
  stuck: "resets that start the application instead of the bootloader",
} as const;
export type BenchFault = keyof typeof benchFaults;

export interface ServeOptions {
  readonly chip: string;
  readonly host: string;
  readonly port: number;
  readonly faults: Readonly<Partial<Record<BenchFault, number>>>;
  readonly seed: number;
  readonly flashMegabytes: number;
  readonly flashFile?: string;
  readonly mac?: string;
  /** Bytes take the time they take on a UART. */
  readonly isPaced: boolean;
  /** Behind a pseudo terminal instead of RFC 2217; `url` is its path. The BOOT button is held then. */
  readonly isPty?: boolean;
  readonly onError?: (error: unknown) => void;
}

export interface ServedBoard {
  readonly url: string;
  readonly board: EspBoard;
  readonly wire: Wire;
  /** Stops serving and saves the flash. */
  close(): Promise<void>;
}

const unpluggedMs = 2000;
const saveEveryMs = 1000;

/** @throws DeviceError `bad-input` or `port-failed` */
export async function serveVirtualBoard(options: ServeOptions): Promise<ServedBoard> {
  const target = targetById(options.chip);
  if (!target) {
    throw new DeviceError("bad-input", `no virtual board '${shorten(options.chip)}'`, {
      hint: `one of: ${benchChips.join(", ")}`,
    });
  }
  const flash = loadFlash(options);
  const board = new EspBoard({
    target,
    clock: realClock,
    flash,
    enableDelayMs: 5,
    stuckResets: options.faults.stuck ?? 0,
    timing: { eraseMsPerSector: options.faults["slow-erase"] ?? 0 },
    isBootHeld: options.isPty ?? false,
    boot: espBoot(new Map([["heartbeat", heartbeat]])),
    ...(options.mac === undefined ? {} : { mac: parseMac(options.mac) }),
  });
  let wire: Wire | undefined;
  const fault = faultOf(options, () => wire);
  wire = new Wire(board, {
    clock: realClock,
    isPaced: options.isPaced,
    isSpeedless: options.isPty ?? false,
    ...(fault && { fault }),
  });
  const ready = wire;
  const saving = keepSaved(flash, options.flashFile);
  const server = await serve(
    memorySource(`memory:${options.chip}`, () => ready),
    options,
  );
  return {
    url: server.url,
    board,
    wire: ready,
    async close() {
      await server.close();
      ready.unplug();
      saving.stop();
    },
  };
}

async function serve(
  source: PortSource,
  options: ServeOptions,
): Promise<{ url: string; close(): Promise<void> }> {
  if (options.isPty) {
    const pty = await servePty(source);
    return { url: pty.path, close: () => pty.close() };
  }
  const { host, port, onError } = options;
  return serveRfc2217(source, { host, port, ...(onError ? { onError } : {}) });
}

function parseMac(text: string): Uint8Array {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text)) {
    throw new DeviceError("bad-input", `'${shorten(text)}' is no MAC address`, {
      hint: "use aa:bb:cc:dd:ee:ff",
    });
  }
  return Uint8Array.from(text.split(":"), (part) => Number.parseInt(part, 16));
}

function loadFlash({ flashFile, flashMegabytes }: ServeOptions): NorFlash {
  const sizeBytes = flashMegabytes * (1 << 20);
  if (!flashFile || !existsSync(flashFile)) return new NorFlash(sizeBytes);
  const content = readFileSync(flashFile);
  if (content.length !== sizeBytes) {
    throw new DeviceError(
      "bad-input",
      `${flashFile} has ${content.length} bytes, the board's flash ${sizeBytes}`,
      { hint: "give the matching --flash-size, or another file" },
    );
  }
  return new NorFlash(sizeBytes, content);
}

/** The file always holds a whole image: it is replaced, not rewritten. */
function keepSaved(flash: NorFlash, file: string | undefined): { stop(): void } {
  if (!file) return { stop: () => {} };
  let saved = -1;
  const save = () => {
    const now = flash.changes;
    if (now === saved) return;
    saved = now;
    writeFileSync(`${file}.new`, flash.bytes);
    renameSync(`${file}.new`, file);
  };
  try {
    save();
  } catch (cause) {
    throw new DeviceError(
      "bad-input",
      `cannot keep the flash: ${shorten((cause as Error).message, 200)}`,
      {
        hint: "check that the folder of --flash-file exists and that you may write there",
        cause,
      },
    );
  }
  const timer = setInterval(save, saveEveryMs);
  return {
    stop: () => {
      clearInterval(timer);
      save();
    },
  };
}

function faultOf(
  { faults, seed }: ServeOptions,
  wireOf: () => Wire | undefined,
): WireFault | undefined {
  const unplugRate = faults.unplug ?? 0;
  const hasLineFault = lineFaultNames.some((name) => faults[name] !== undefined);
  if (!hasLineFault && unplugRate === 0) return undefined;
  const line = lineFault(faults, seed);
  const random = seededRandom(seed + 1);
  return (bytes, direction) => {
    if (unplugRate > 0 && direction === "toBoard" && random() < unplugRate) {
      const wire = wireOf();
      realClock.after(0, () => wire?.unplug());
      realClock.after(unpluggedMs, () => wire?.plug());
    }
    return line(bytes, direction);
  };
}
