// One virtual board behind an RFC 2217 address on real time: what `godwit bench virtual` runs.
import { espTargets, targetById } from "../../flash/esp/targets-table.ts";
import { realClock } from "../../serial/clock.ts";
import { DeviceError } from "../../serial/error.ts";
import { memorySource } from "../../serial/memory.ts";
import type { PortSource } from "../../serial/port.ts";
import { serveRfc2217 } from "../../serial/rfc2217-server.ts";
import { shorten } from "../../shorten.ts";
import { type BenchFaults, benchWireFault } from "./bench-faults.ts";
import { EspBoard } from "./esp-board.ts";
import { espBoot, heartbeat } from "./esp-boot.ts";
import { FlashFile, loadFlash } from "./flash-file.ts";
import { NorFlash } from "./nor-flash.ts";
import { servePty } from "./pty.ts";
import { Wire, type WireFault } from "./wire.ts";

export const benchChips = espTargets.map(({ id }) => id);

export interface ServeOptions {
  readonly chip: string;
  readonly host: string;
  readonly port: number;
  readonly faults: BenchFaults;
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
  /** Stops serving and saves the flash. @throws DeviceError `port-failed` when it cannot be saved */
  close(): Promise<void>;
}

const serialNumbers = ["GW0001", "GW0002", "GW0003"];

/** @throws DeviceError `bad-input` or `port-failed` */
export async function serveVirtualBoard(options: ServeOptions): Promise<ServedBoard> {
  const flash = loadFlash(options.flashFile, options.flashMegabytes * (1 << 20));
  const board = makeBoard(
    options,
    flash,
    options.mac === undefined ? undefined : parseMac(options.mac),
  );
  const wires: Wire[] = [];
  let active = 0;
  const fault = benchWireFault(options.faults, options.seed, {
    unplug: () => wires[active]!.unplug(),
    plug: () => wires[active]!.plug(),
    renumber: () => renumber(board),
    swap: () => {
      wires[active]!.unplug();
      active = (active + 1) % wires.length;
      wires[active]!.plug();
    },
  });
  wires.push(makeWire(board, options, fault));
  if ((options.faults.swap ?? 0) > 0) wires.push(makeOtherWire(options));
  const file = new FlashFile(flash, options.flashFile, options.onError ?? (() => undefined));
  const server = await serve(
    memorySource(`memory:${options.chip}`, () => file.saving(wires[active]!)),
    options,
  ).catch((error: unknown) => {
    file.stop();
    throw error;
  });
  return {
    url: server.url,
    board,
    wire: wires[0]!,
    async close() {
      await server.close();
      for (const wire of wires) wire.unplug();
      file.stop();
    },
  };
}

function makeBoard(options: ServeOptions, flash: NorFlash, mac: Uint8Array | undefined): EspBoard {
  const target = targetById(options.chip);
  if (!target) {
    throw new DeviceError("bad-input", `no virtual board '${shorten(options.chip)}'`, {
      hint: `one of: ${benchChips.join(", ")}`,
    });
  }
  const { faults } = options;
  return new EspBoard({
    target,
    clock: realClock,
    flash,
    enableDelayMs: faults["slow-reset"] ?? 5,
    stuckResets: faults.stuck ?? 0,
    timing: { eraseMsPerSector: faults["slow-erase"] ?? 0 },
    isBootHeld: options.isPty ?? false,
    boot: espBoot(new Map([["heartbeat", heartbeat]])),
    ...(mac ? { mac } : {}),
  });
}

function makeWire(board: EspBoard, options: ServeOptions, fault: WireFault | undefined): Wire {
  return new Wire(board, {
    clock: realClock,
    isPaced: options.isPaced,
    isSpeedless: options.isPty ?? false,
    ...(fault && { fault }),
  });
}

/** The board that takes the name of the first: the same kind, another MAC, flash of its own. */
function makeOtherWire(options: ServeOptions): Wire {
  const flash = new NorFlash(options.flashMegabytes * (1 << 20));
  const other = makeBoard(options, flash, Uint8Array.of(2, 0, 0, 0, 0, 2));
  const wire = makeWire(other, options, undefined);
  wire.unplug();
  return wire;
}

/** What a bridge without a serial number of its own does at each start. */
function renumber(board: EspBoard): void {
  const last = serialNumbers.indexOf(board.usb?.serialNumber ?? "");
  const serialNumber = serialNumbers[(last + 1) % serialNumbers.length]!;
  board.usb = { vendorId: 0x10c4, productId: 0xea60, serialNumber };
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
