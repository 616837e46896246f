// A connected chip: what its loader can do, one method per operation. Retries only what is safe to repeat.
import { type HostClock, sleep } from "../../serial/clock.ts";
import { DeviceError, isDeviceError } from "../../serial/error.ts";
import type { PortSource } from "../../serial/port.ts";
import {
  agree,
  detectChip,
  enterBootloader,
  leaveUnharmed,
  reappearMs,
  reopen,
  romBaud,
  type SecurityInfo,
  trySync,
} from "./connect.ts";
import { EspLink, type Reply, type RequestOptions } from "./link.ts";
import {
  op,
  ramBlockBytes,
  romBlockBytes,
  stubBlockBytes,
  usbOtgBlockBytes,
  words,
} from "./protocol.ts";
import { hardResetFor, isUsbJtag, isUsbOtg, type ResetSequence, runSteps } from "./resets.ts";
import type { SameBoard } from "./same-board.ts";
import { flashSizeOf, runRdid } from "./spi.ts";
import { loadStub, startStub } from "./stub.ts";
import type { EspTarget } from "./target.ts";

export interface EspOptions {
  readonly source: PortSource;
  readonly clock: HostClock;
  /** Speed after the stub runs; the ROM is always spoken to at 115200. */
  readonly baud?: number;
  /** False: ROM only (slower, fewer features). */
  readonly useStub?: boolean;
  readonly resetSequence?: ResetSequence;
  /** The board of the job: attempts that find another one end it. */
  readonly board?: SameBoard;
  /** Ends every wait for the board, until the link is told otherwise. */
  readonly signal?: AbortSignal;
  /** What people are told then. */
  readonly stateIfInterrupted?: string;
}

export const defaultBaud = 460_800;
const repeatsMax = 4;
const connectsMax = 3;
const worthAnotherReset = [
  "no-reply",
  "refused",
  "stub-failed",
  "unknown-chip",
  "port-gone",
] as const;
/** Erase: 400 ms a sector, the slowest that data sheets of common flash chips allow. */
const msPerMegabyte = { md5: 8000, erase: 100_000 };
const chipEraseMs = 120_000;
const shortestTimeoutMs = 3000;
const macQuietMs = 20;
/** How long a baud change needs before the line is trusted. */
const baudSettleMs = 20;

function timeoutFor(bytes: number, perMegabyteMs: number): number {
  return Math.max(shortestTimeoutMs, (bytes / 1e6) * perMegabyteMs);
}

export class EspSession {
  readonly link: EspLink;
  readonly target: EspTarget;
  readonly security: SecurityInfo | undefined;
  readonly isStub: boolean;
  readonly baud: number;

  private constructor(
    link: EspLink,
    chip: { target: EspTarget; security: SecurityInfo | undefined },
    mode: { isStub: boolean; baud: number },
  ) {
    this.link = link;
    this.target = chip.target;
    this.security = chip.security;
    this.isStub = mode.isStub;
    this.baud = mode.baud;
  }

  /**
   * Opens the port, resets into the bootloader, detects the chip, starts the stub, raises the speed.
   * @param waitForPortMs how long the port may be missing (a board that was just unplugged)
   * @throws DeviceError for every way in which this can fail; the port is closed then.
   */
  static async connect(options: EspOptions, waitForPortMs = 0): Promise<EspSession> {
    const link = new EspLink(options.source, options.clock);
    link.interruptOn(options.signal, options.stateIfInterrupted ?? "nothing was changed");
    await reopen(link, romBaud, waitForPortMs);
    try {
      for (let attempt = 1; ; attempt++) {
        try {
          return await EspSession.#start(link, options);
        } catch (error) {
          const isLast = attempt === connectsMax || link.interruption() !== undefined;
          if (isLast || !isDeviceError(error, ...worthAnotherReset)) throw error;
        }
        if (link.port) await link.setBaud(romBaud);
        else await reopen(link, romBaud, reappearMs);
      }
    } catch (error) {
      // A port that hangs fails before any wait of ours could end.
      const reason = link.interruption() ?? error;
      await leaveUnharmed(link, reason);
      await link.close();
      throw reason;
    }
  }

  static async #start(link: EspLink, options: EspOptions): Promise<EspSession> {
    let isStub = await enterBootloader(link, options.resetSequence);
    const chip = await detectChip(link);
    // At once: what fails from here on is tried again, and by then another board may have the port.
    await options.board?.require(new EspSession(link, chip, { isStub, baud: romBaud }));
    const wantsStub = options.useStub ?? true;
    if (chip.security?.isSecureDownload || !wantsStub) {
      const session = new EspSession(link, chip, { isStub, baud: romBaud });
      if (!isStub) {
        if (!chip.security?.isSecureDownload) await session.#stopWatchdogs();
        await session.#attachFlash();
      }
      return session;
    }
    if (!isStub) {
      const rom = new EspSession(link, chip, { isStub, baud: romBaud });
      await rom.#stopWatchdogs();
      const blockBytes = isUsbOtg(link.port?.usb) ? usbOtgBlockBytes : ramBlockBytes;
      await startStub(link, loadStub(await rom.#stubName()), blockBytes);
    }
    isStub = true;
    const baud = options.baud ?? defaultBaud;
    const session = new EspSession(link, chip, { isStub, baud });
    if (baud !== romBaud) await session.#changeBaud(baud);
    return session;
  }

  async #stopWatchdogs(): Promise<void> {
    const { watchdogs } = this.target;
    if (!watchdogs || !isUsbJtag(this.link.port?.usb)) return;
    await this.writeReg(watchdogs.writeProtect, watchdogs.writeKey);
    await this.writeReg(watchdogs.config, 0);
    await this.writeReg(watchdogs.writeProtect, 0);
    await this.writeReg(watchdogs.superWriteProtect, watchdogs.superWriteKey);
    const config = await this.readReg(watchdogs.superConfig);
    await this.writeReg(watchdogs.superConfig, (config | watchdogs.superAutoFeed) >>> 0);
    await this.writeReg(watchdogs.superWriteProtect, 0);
  }

  async #stubName(): Promise<string> {
    const { earlySilicon, stub } = this.target;
    if (!earlySilicon) return stub;
    return earlySilicon.isEarly(await this.readReg(earlySilicon.register))
      ? earlySilicon.stub
      : stub;
  }

  /** The ROM does not set up the flash by itself; the stub does. */
  async #attachFlash(): Promise<void> {
    await this.repeat(op.spiAttach, words(0, 0));
    const sizeBytes = this.security?.isSecureDownload ? 4 << 20 : await this.flashSize();
    await this.repeat(op.spiSetParams, words(0, sizeBytes, 0x10000, 0x1000, 0x100, 0xffff));
  }

  async #changeBaud(baud: number): Promise<void> {
    await this.link.request(op.changeBaud, words(baud, romBaud));
    await this.link.setBaud(baud);
    await sleep(this.link.clock, baudSettleMs);
    this.link.discardInput();
    if ((await trySync(this.link)) === undefined) {
      throw new DeviceError("no-reply", `the line does not work at ${baud} baud`, {
        hint: `godwit flash --baud ${romBaud}`,
      });
    }
  }

  /** A request that may be sent again when its reply is missing or damaged: reads and erases. */
  async repeat(operation: number, body: Uint8Array, options?: RequestOptions): Promise<Reply> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.link.request(operation, body, options);
      } catch (error) {
        if (attempt === repeatsMax || !isDeviceError(error, "no-reply", "refused")) throw error;
      }
    }
  }

  async readReg(address: number): Promise<number> {
    return (await this.repeat(op.readReg, words(address))).value;
  }

  async writeReg(address: number, value: number): Promise<void> {
    await this.repeat(op.writeReg, words(address, value, 0xffffffff, 0));
  }

  /** The MAC address from the efuses, `aa:bb:cc:dd:ee:ff`; undefined in secure download mode. */
  async mac(): Promise<string | undefined> {
    if (this.security?.isSecureDownload) return undefined;
    const read = async () => {
      // A doubled reply would be taken for that of the next register, and so again the second time.
      await this.link.drain(macQuietMs);
      const low = await this.readReg(this.target.macRegister);
      await this.link.drain(macQuietMs);
      const high = await this.readReg(this.target.macRegister + 4);
      return [high >> 8, high, low >> 24, low >> 16, low >> 8, low]
        .map((byte) => (byte & 0xff).toString(16).padStart(2, "0"))
        .join(":");
    };
    // Two commands whose address was damaged may both read a register that is 0.
    return agree(read, (a, b) => a === b, 3);
  }

  /** JEDEC id of the flash: manufacturer in the low byte, then type, then capacity. */
  async flashId(): Promise<number> {
    return agree(
      () => runRdid(this, this.target.spi),
      (a, b) => a === b,
    );
  }

  /** Bytes of flash. @throws DeviceError `no-reply` when no flash chip answers. */
  async flashSize(): Promise<number> {
    return flashSizeOf(await this.flashId());
  }

  /** MD5 of a flash region, lower-case hex. */
  async md5(offset: number, size: number): Promise<string> {
    const { data } = await this.repeat(op.md5, words(offset, size, 0, 0), {
      replyBytes: this.isStub ? 16 : 32,
      timeoutMs: timeoutFor(size, msPerMegabyte.md5),
    });
    return Buffer.from(data)
      .toString(this.isStub ? "hex" : "latin1")
      .toLowerCase();
  }

  /** @throws DeviceError `secure-download` when the chip was locked so that it cannot do `what`. */
  requireUnlocked(what: string): void {
    if (!this.security?.isSecureDownload) return;
    throw new DeviceError("secure-download", `${what} is not possible: ${secureDownloadText}`, {
      hint: "update this board over the air, or use one that is not locked; the lock is permanent",
    });
  }

  requireStub(what: string): void {
    if (this.isStub) return;
    this.requireUnlocked(what);
    throw new DeviceError("bad-input", `${what} needs the flasher stub`, {
      hint: "leave out --no-stub",
    });
  }

  async eraseAll(): Promise<void> {
    this.requireStub("erasing the chip");
    await this.repeat(op.eraseFlash, new Uint8Array(0), { timeoutMs: chipEraseMs });
  }

  /** `offset` and `size` in whole sectors. */
  async eraseRegion(offset: number, size: number): Promise<void> {
    this.requireStub("erasing a region");
    const timeoutMs = timeoutFor(size, msPerMegabyte.erase);
    await this.repeat(op.eraseRegion, words(offset, size), { timeoutMs });
  }

  get blockBytes(): number {
    if (!this.isStub) return romBlockBytes;
    return isUsbOtg(this.link.port?.usb) ? usbOtgBlockBytes : stubBlockBytes;
  }

  /** Begins a write: compressed when `compressedBytes` is given. Erases what will be written. */
  async beginWrite(offset: number, size: number, compressedBytes?: number): Promise<void> {
    const sent = compressedBytes ?? size;
    const blocks = Math.ceil(sent / this.blockBytes);
    const isRoundedUp = !this.isStub && compressedBytes !== undefined;
    const eraseBytes = isRoundedUp ? Math.ceil(size / this.blockBytes) * this.blockBytes : size;
    const begin = [eraseBytes, blocks, this.blockBytes, offset];
    if (!this.isStub && this.target.romBeginHasEncryptedWord) begin.push(0);
    await this.link.request(
      compressedBytes === undefined ? op.flashBegin : op.deflBegin,
      words(...begin),
      { timeoutMs: timeoutFor(size, msPerMegabyte.erase) },
    );
  }

  async writeBlock(
    payload: Uint8Array,
    sequence: number,
    kind: { isCompressed: boolean; flashBytes: number },
  ): Promise<void> {
    await this.link.request(
      kind.isCompressed ? op.deflData : op.flashData,
      words(payload.length, sequence, 0, 0),
      { payload, timeoutMs: timeoutFor(kind.flashBytes, msPerMegabyte.erase) },
    );
  }

  /** Leaves flash mode and stays in the loader. Only the stub needs it; the ROM would start the app. */
  async endWrite(isCompressed: boolean): Promise<void> {
    if (!this.isStub) return;
    await this.link.request(isCompressed ? op.deflEnd : op.flashEnd, words(1));
  }

  /** Pulls EN low and lets go: the board starts its application. */
  async hardReset(): Promise<void> {
    await runSteps(this.link, hardResetFor(this.link.port?.usb));
  }

  async close(): Promise<void> {
    await this.link.close();
  }
}

const secureDownloadText =
  "this chip is in Secure Download Mode, which forbids reading, checksums, erasing and running a stub";
