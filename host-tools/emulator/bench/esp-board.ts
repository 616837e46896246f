// A virtual ESP board: reset circuit, boot ROM, stub, application, all on the clock it is given.

import { encodeFrame, SlipDecoder } from "../../flash/esp/slip.ts";
import type { EspTarget } from "../../flash/esp/target.ts";
import type { HostClock } from "../../serial/clock.ts";
import type { SerialLines, UsbIdentity } from "../../serial/port.ts";
import type { BoardHost, VirtualBoard } from "./board.ts";
import type { FlashTiming } from "./esp-flash-commands.ts";
import { EspLoader } from "./esp-loader.ts";
import { EspRegisters } from "./esp-registers.ts";
import { NorFlash } from "./nor-flash.ts";

const romBaud = 115_200;
/** Commands waiting while the loader is busy; more are lost, as in the UART's FIFO. */
const pendingMax = 8;

export type EspMode = "off" | "reset" | "rom" | "stub" | "app";

/** What runs after a normal boot. Returns a function that stops it. */
export type BootProgram = (board: {
  readonly flash: NorFlash;
  readonly target: EspTarget;
  readonly clock: HostClock;
  print(text: string): void;
}) => () => void;

export interface EspBoardOptions {
  readonly target: EspTarget;
  readonly clock: HostClock;
  readonly flash?: NorFlash;
  /** Six bytes. */
  readonly mac?: Uint8Array;
  readonly securityFlags?: number;
  readonly timing?: Partial<FlashTiming>;
  /** Undefined: a USB-UART bridge with the classic reset circuit. */
  readonly usb?: UsbIdentity;
  /** The chip's own USB-Serial-JTAG instead of a bridge. */
  readonly isUsbJtag?: boolean;
  /** How long the board is off the bus at a hard reset; 0: it stays. */
  readonly reenumerateMs?: number;
  /** How long EN takes to rise: the strap pin is sampled after it. */
  readonly enableDelayMs?: number;
  /** Resets that ignore the strap pin and start the application; Infinity: all. */
  readonly stuckResets?: number;
  /** The RTC watchdog resets the chip this long after it entered the bootloader, unless it is stopped. */
  readonly watchdogMs?: number;
  /** The strap pin is held low (BOOT button): every reset leads to the bootloader. */
  readonly isBootHeld?: boolean;
  readonly boot?: BootProgram;
}

const idleTiming: FlashTiming = {
  eraseMsPerSector: 0,
  programMsPerKilobyte: 0,
  md5MsPerKilobyte: 0,
};
const defaultFlashBytes = 4 << 20;
const defaultMac = Uint8Array.of(0x24, 0x0a, 0xc4, 0x00, 0x01, 0x10);

export class EspBoard implements VirtualBoard {
  readonly target: EspTarget;
  readonly flash: NorFlash;
  /** May change while unplugged: some bridges make up a serial number each time. */
  usb: UsbIdentity | undefined;
  mode: EspMode = "off";
  baud = romBaud;
  /** Resets since power-on, and what each led to. */
  readonly boots: ("rom" | "app")[] = [];
  readonly #options: EspBoardOptions;
  readonly #clock: HostClock;
  readonly #registers: EspRegisters;
  #host: BoardHost | undefined;
  #lines: SerialLines = { dtr: false, rts: false };
  #isDownloadLatched = false;
  #stuckResets: number;
  #loader: EspLoader | undefined;
  #stopApp: (() => void) | undefined;
  #cancelBoot: (() => void) | undefined;
  #pending: Uint8Array[] = [];
  #busyUntilMs = 0;
  /** Counts resets: what was scheduled before one must not happen after it. */
  #life = 0;
  readonly #decoder = new SlipDecoder((frame) => this.#enqueue(frame));

  constructor(options: EspBoardOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.target = options.target;
    this.flash = options.flash ?? new NorFlash(defaultFlashBytes);
    this.usb = options.usb;
    this.#stuckResets = options.stuckResets ?? 0;
    this.#registers = new EspRegisters(this.target, this.flash, options.mac ?? defaultMac);
  }

  plugInto(host: BoardHost): void {
    this.#host = host;
  }

  setPower(isOn: boolean): void {
    this.#halt();
    this.mode = "off";
    if (isOn) this.#release(false, 0);
  }

  hostBaud(): void {
    // A bridge passes the host's speed to nobody; the wire compares it with ours.
  }

  setLines(lines: SerialLines): void {
    const before = this.#lines;
    this.#lines = lines;
    if (this.mode === "off") return;
    if (this.#options.isUsbJtag) this.#usbLines(before, lines);
    else this.#uartLines(lines);
  }

  /** Two transistors: RTS alone holds EN low, DTR alone holds the strap pin low. */
  #uartLines(lines: SerialLines): void {
    const isHeld = lines.rts && !lines.dtr;
    if (isHeld) {
      this.#halt();
      this.mode = "reset";
    } else if (this.mode === "reset") {
      const delayMs = this.#options.enableDelayMs ?? 1;
      this.#cancelBoot?.();
      this.#cancelBoot = this.#clock.after(delayMs, () => {
        this.#release(this.#lines.dtr && !this.#lines.rts);
      });
    }
  }

  /** USB-Serial-JTAG: DTR at the rise of RTS chooses, the fall of RTS starts. */
  #usbLines(before: SerialLines, lines: SerialLines): void {
    if (lines.rts && !before.rts) {
      this.#isDownloadLatched = before.dtr;
      this.#halt();
      this.mode = "reset";
    } else if (!lines.rts && before.rts && this.mode === "reset") {
      this.#release(this.#isDownloadLatched);
    }
  }

  /** Everything that was going on stops; flash keeps what was written. */
  #halt(): void {
    this.#life++;
    this.#cancelBoot?.();
    this.#cancelBoot = undefined;
    this.#stopApp?.();
    this.#stopApp = undefined;
    this.#loader?.interrupt();
    this.#loader = undefined;
    this.#pending = [];
    this.#busyUntilMs = 0;
    this.#decoder.reset();
    this.baud = romBaud;
  }

  #release(wantsDownload: boolean, reenumerateMs = this.#options.reenumerateMs ?? 0): void {
    const isStuck = this.#stuckResets > 0;
    if (isStuck) this.#stuckResets--;
    const isDownload = (wantsDownload || this.#options.isBootHeld === true) && !isStuck;
    this.boots.push(isDownload ? "rom" : "app");
    if (!isDownload && reenumerateMs > 0) this.#host?.reenumerate(reenumerateMs);
    if (isDownload) this.#startRom();
    else this.#startApp();
  }

  #print(text: string): void {
    this.#host?.send(new TextEncoder().encode(text));
  }

  #startRom(): void {
    this.mode = "rom";
    this.#newLoader(false);
    const { watchdogMs } = this.#options;
    if (watchdogMs !== undefined) this.#armWatchdog(watchdogMs);
    this.#print(
      `ESP-ROM:${this.target.id}\r\nrst:0x1 (POWERON),boot:0x4 (DOWNLOAD(USB/UART0))\r\n` +
        "waiting for download\r\n",
    );
  }

  #armWatchdog(watchdogMs: number): void {
    const { watchdogs } = this.target;
    if (watchdogs) this.#registers.write(watchdogs.config, 1, 0xffffffff);
    const cancel = this.#clock.after(watchdogMs, () => {
      if (watchdogs && this.#registers.read(watchdogs.config) === 0) return;
      this.#halt();
      this.#release(false);
    });
    this.#stopApp = cancel;
  }

  #startApp(): void {
    this.mode = "app";
    this.#print(
      `ESP-ROM:${this.target.id}\r\nrst:0x1 (POWERON),boot:0xc (SPI_FAST_FLASH_BOOT)\r\n`,
    );
    this.#stopApp = this.#options.boot?.({
      flash: this.flash,
      target: this.target,
      clock: this.#clock,
      print: (text) => this.#print(text),
    });
  }

  #newLoader(isStub: boolean): void {
    const loader = new EspLoader(
      {
        target: this.target,
        flash: this.flash,
        registers: this.#registers,
        securityFlags: this.#options.securityFlags ?? 0,
        timing: { ...idleTiming, ...this.#options.timing },
      },
      {
        isStub,
        sendFrame: (bytes) => this.#host?.send(bytes),
        changeBaud: (baud) => {
          this.baud = baud;
        },
        runFromRam: (entry) => this.#runFromRam(loader, entry),
        startApp: () => {
          this.#halt();
          this.#release(false);
        },
      },
    );
    this.#loader = loader;
  }

  /** The model cannot run the stub; it takes its place when entry and code were loaded completely. */
  #runFromRam(loader: EspLoader, entry: number): void {
    if (!loader.ram.holds(entry)) return;
    this.mode = "stub";
    this.#newLoader(true);
    this.#host?.send(encodeFrame(new TextEncoder().encode("OHAI")));
  }

  receive(bytes: Uint8Array): void {
    if (this.mode === "rom" || this.mode === "stub") this.#decoder.feed(bytes);
  }

  #enqueue(frame: Uint8Array): void {
    if (this.#pending.length === pendingMax) return;
    this.#pending.push(frame);
    if (this.#pending.length === 1) this.#pump();
  }

  #pump(): void {
    const life = this.#life;
    while (this.#pending.length > 0 && this.#loader) {
      const waitMs = this.#busyUntilMs - this.#clock.nowMs();
      if (waitMs > 0) {
        this.#clock.after(waitMs, () => {
          if (life === this.#life) this.#pump();
        });
        return;
      }
      const frame = this.#pending[0]!;
      const { busyMs, now, later, after } = this.#loader.handle(frame);
      this.#busyUntilMs = this.#clock.nowMs() + busyMs;
      for (const reply of now) this.#host?.send(encodeFrame(reply));
      this.#finishLater(life, busyMs, later, after);
      if (busyMs > 0 && later.length > 0) return;
      this.#pending.shift();
    }
  }

  /** Sends what the command answers once it is done. */
  #finishLater(
    life: number,
    busyMs: number,
    later: readonly Uint8Array[],
    after: (() => void) | undefined,
  ): void {
    const finish = () => {
      for (const reply of later) this.#host?.send(encodeFrame(reply));
      after?.();
    };
    if (busyMs === 0 || later.length === 0) {
      finish();
      return;
    }
    this.#clock.after(busyMs, () => {
      if (life !== this.#life) return;
      finish();
      this.#pending.shift();
      this.#pump();
    });
  }
}
