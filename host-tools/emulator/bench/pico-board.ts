// A virtual Pico: an application with a serial port, and the boot ROM's drive when it is asked for.
import { posix } from "node:path";
import { type DriveFiles, infoFile, LateWriteError } from "../../flash/rp2040/drive.ts";
import { parseUf2, type RpChip, requireUf2For, type Uf2Block } from "../../flash/rp2040/uf2.ts";
import type { HostClock } from "../../serial/clock.ts";
import { isDeviceError } from "../../serial/error.ts";
import type { SerialLines, UsbIdentity } from "../../serial/port.ts";
import type { BoardHost, VirtualBoard } from "./board.ts";
import { NorFlash } from "./nor-flash.ts";

const flashBase = 0x10000000;
const sectorBytes = 4096;
const touchBaud = 1200;
const mountMs = 700;
const bootMs = 600;

/** What INFO_UF2.TXT says on each chip. */
export const bootselInfos: Readonly<Record<RpChip, string>> = {
  rp2040: "UF2 Bootloader v3.0\r\nModel: Raspberry Pi RP2\r\nBoard-ID: RPI-RP2\r\n",
  rp2350: "UF2 Bootloader v1.0\r\nModel: Raspberry Pi RP2350\r\nBoard-ID: RP2350\r\n",
};

export interface PicoOptions {
  readonly clock: HostClock;
  readonly chip?: RpChip;
  /** Which way into BOOTSEL the application understands. */
  readonly entry?: "touch-1200" | "moddable" | "none";
  readonly startsInBootsel?: boolean;
  /** The drive reports an error after the last block, as a self-ejecting one does. */
  readonly failsLateWrites?: boolean;
  readonly drive?: string;
  /** How long the application takes to enumerate after a file was taken. */
  readonly bootMs?: number;
  /** How long the drive takes to appear. */
  readonly mountMs?: number;
  /** The ROM does not like any file. */
  readonly ignoresFiles?: boolean;
  /** What was written starts, but has no port. */
  readonly staysAway?: boolean;
}

/** What the host's file system says when the device is no longer there. */
function gone(isAtEnd: boolean): Error {
  const text = "EIO: i/o error";
  return isAtEnd ? new LateWriteError(text) : new Error(text);
}

export class PicoBoard implements VirtualBoard {
  readonly flash = new NorFlash(2 << 20);
  readonly usb: UsbIdentity = { vendorId: 0x2e8a, productId: 0x000a, serialNumber: "E6614104" };
  readonly baud = 0;
  readonly chip: RpChip;
  mode: "off" | "app" | "bootsel" = "off";
  boots = 0;
  /** Called before each block of a file; what it breaks hits a half-written board. */
  duringWrite: ((index: number, count: number) => void) | undefined;
  readonly #options: PicoOptions;
  #host: BoardHost | undefined;
  #seen: string[] = [];
  #isMounted = false;
  #stop = () => {};

  constructor(options: PicoOptions) {
    this.#options = options;
    this.chip = options.chip ?? "rp2040";
  }

  /** True while the boot ROM's drive is there. */
  get isMounted(): boolean {
    return this.#isMounted;
  }

  get drivePath(): string {
    return this.#options.drive ?? "/media/user/RPI-RP2";
  }

  plugInto(host: BoardHost): void {
    this.#host = host;
  }

  setPower(isOn: boolean): void {
    this.#stop();
    this.#isMounted = false;
    this.mode = "off";
    if (!isOn) return;
    if (this.#options.startsInBootsel) this.#enterBootsel();
    else this.#startApp();
  }

  receive(): void {
    // The application of this model listens to lines and speed only.
  }

  hostBaud(baud: number): void {
    const wantsTouch = (this.#options.entry ?? "touch-1200") === "touch-1200";
    if (baud === touchBaud && wantsTouch && this.mode === "app") this.#enterBootsel();
  }

  setLines({ dtr, rts }: SerialLines): void {
    if (this.#options.entry !== "moddable" || this.mode !== "app") return;
    this.#seen = [...this.#seen, `${Number(dtr)}${Number(rts)}`].slice(-4);
    if (this.#seen.join(" ") === "11 01 10 00") this.#enterBootsel();
  }

  #startApp(): void {
    this.mode = "app";
    this.boots++;
  }

  #enterBootsel(): void {
    this.mode = "bootsel";
    this.#host?.reenumerate(Number.POSITIVE_INFINITY);
    this.#stop = this.#options.clock.after(this.#options.mountMs ?? mountMs, () => {
      this.#isMounted = true;
    });
  }

  /** The ROM takes a file only when every block is right; otherwise nothing happens, silently. */
  #take(bytes: Uint8Array): void {
    const blocks = this.#blocksOf(bytes);
    if (!blocks) return;
    blocks.forEach(({ address, payload }, index) => {
      this.duringWrite?.(index, blocks.length);
      if (!this.#isMounted) throw gone(index === blocks.length - 1);
      const offset = address - flashBase;
      if (index === 0 || offset % sectorBytes === 0) this.flash.erase(offset, payload.length);
      this.flash.program(offset, payload);
    });
    this.#isMounted = false;
    this.#stop = this.#options.clock.after(this.#options.bootMs ?? bootMs, () => {
      if (!this.#options.staysAway) this.#host?.reenumerate(0);
      this.#startApp();
    });
    if (this.#options.failsLateWrites) throw gone(true);
  }

  #blocksOf(bytes: Uint8Array): readonly Uf2Block[] | undefined {
    if (this.#options.ignoresFiles) return undefined;
    try {
      const file = parseUf2(bytes);
      requireUf2For(file, this.chip, "file");
      return file.blocks;
    } catch (error) {
      if (!isDeviceError(error)) throw error;
      return undefined;
    }
  }

  /** The file system as a host with this board attached sees it. */
  files(): DriveFiles {
    const drive = this.drivePath;
    return {
      roots: () => [posix.dirname(drive)],
      list: () => (this.#isMounted ? [posix.basename(drive)] : []),
      read: (path) =>
        this.#isMounted && path === posix.join(drive, infoFile)
          ? bootselInfos[this.chip]
          : undefined,
      exists: (path) => this.#isMounted && path.startsWith(drive),
      write: (path, bytes) => {
        if (!this.#isMounted) throw new Error("ENOENT: no such drive");
        if (path.endsWith(".uf2")) this.#take(bytes);
      },
    };
  }
}
