// What a loader does to its flash: writing, checksums, reading, erasing.
import { createHash } from "node:crypto";
import { type LoaderFrame, op, slowReadBytes, wordAt } from "../../flash/esp/protocol.ts";
import type { EspTarget } from "../../flash/esp/target.ts";
import { badLength, fourWords, type Outcome, payloadOf, romFailed } from "./esp-outcome.ts";
import { EspReader } from "./esp-reader.ts";
import { EspWriter, refusal } from "./esp-writer.ts";
import type { NorFlash } from "./nor-flash.ts";

/** How long the flash takes; all 0 by default, so that the line alone decides. */
export interface FlashTiming {
  readonly eraseMsPerSector: number;
  readonly programMsPerKilobyte: number;
  readonly md5MsPerKilobyte: number;
}

interface FlashChip {
  readonly target: EspTarget;
  readonly flash: NorFlash;
  readonly timing: FlashTiming;
}

interface FlashHost {
  readonly isStub: boolean;
  sendFrame(frame: Uint8Array): void;
  /** FLASH_END that leaves the loader. */
  startApp(): void;
}

export class EspFlashCommands {
  readonly #chip: FlashChip;
  readonly #host: FlashHost;
  #writer: EspWriter | undefined;
  #reader: EspReader | undefined;
  #isAttached = false;

  constructor(chip: FlashChip, host: FlashHost) {
    this.#chip = chip;
    this.#host = host;
  }

  /** Power is cut or the chip is reset. */
  interrupt(): void {
    this.interruptWrite();
    this.#writer = undefined;
    this.#reader = undefined;
  }

  interruptWrite(): void {
    this.#writer?.interrupt();
  }

  /** The ROM can use the flash from now on. */
  attach(): void {
    this.#isAttached = true;
  }

  /** True when `frame` was an acknowledgement that a read waits for. */
  takesFrame(frame: Uint8Array): boolean {
    if (!this.#reader) return false;
    this.#reader.frame(frame);
    if (this.#reader.isDone) this.#reader = undefined;
    return true;
  }

  execute(request: LoaderFrame): Outcome | undefined {
    const { operation, body } = request;
    switch (operation) {
      case op.flashBegin:
      case op.deflBegin:
        return this.#beginWrite(body, operation === op.deflBegin);
      case op.flashData:
      case op.deflData:
        return this.#writeBlock(request);
      case op.flashEnd:
      case op.deflEnd:
        return this.#endWrite(body);
      case op.md5:
        return this.#md5(body);
      case op.readFlashSlow:
        return this.#readSlow(body);
      // The stub insists on the length: a damaged operation code does not erase.
      case op.eraseFlash:
        return body.length !== 0
          ? { reason: refusal.badLength }
          : this.#erase(0, this.#chip.flash.bytes.length);
      case op.eraseRegion:
        return body.length !== 8
          ? { reason: refusal.badLength }
          : this.#erase(wordAt(body, 0), wordAt(body, 4));
      case op.readFlash:
        return this.#beginRead(body);
      default:
        return undefined;
    }
  }

  #canUseFlash(offset: number, size: number): boolean {
    return (this.#host.isStub || this.#isAttached) && this.#chip.flash.holds(offset, size);
  }

  #beginWrite(body: Uint8Array, isCompressed: boolean): Outcome {
    const { target, timing, flash } = this.#chip;
    // The stub takes the word for encryption from clients that send it; a ROM insists on its own form.
    const isLong = this.#host.isStub ? body.length === 20 : target.romBeginHasEncryptedWord;
    if (body.length !== (isLong ? 20 : 16)) return { reason: badLength(this.#host.isStub) };
    const [eraseBytes, blocks, blockBytes, offset] = fourWords(body);
    if (!this.#canUseFlash(offset, 0) || offset >= flash.bytes.length) return { reason: romFailed };
    const room = Math.min(eraseBytes, flash.bytes.length - offset);
    const sectors = room === 0 ? 0 : flash.erase(offset, room);
    this.#writer = new EspWriter(flash, { offset, eraseBytes, blocks, blockBytes, isCompressed });
    return { busyMs: sectors * timing.eraseMsPerSector };
  }

  #writeBlock({ operation, body, value }: LoaderFrame): Outcome {
    const { isStub } = this.#host;
    const payload = payloadOf(body, value, isStub);
    if (typeof payload === "number") return { reason: payload };
    const isCompressed = operation === op.deflData;
    const writer = this.#writer;
    if (!writer || writer.begin.isCompressed !== isCompressed) {
      return { reason: isStub ? refusal.notWriting : romFailed };
    }
    // The ROM insists on the order; the stub takes whatever comes next.
    if (!isStub && wordAt(body, 4) !== writer.expected) return { reason: romFailed };
    const reason = writer.block(payload);
    const busyMs = (payload.length / 1024) * this.#chip.timing.programMsPerKilobyte;
    if (reason === undefined) return { busyMs, isAckFirst: isStub };
    return { reason: isStub ? reason : romReason(reason) };
  }

  #endWrite(body: Uint8Array): Outcome {
    const writer = this.#writer;
    this.#writer = undefined;
    if (!writer) return { reason: this.#host.isStub ? refusal.notWriting : romFailed };
    writer.interrupt();
    const isStaying = body.length < 4 || wordAt(body, 0) === 1;
    return isStaying ? {} : { after: () => this.#host.startApp() };
  }

  #md5(body: Uint8Array): Outcome {
    if (body.length !== 16) return { reason: badLength(this.#host.isStub) };
    const [offset, size] = [wordAt(body, 0), wordAt(body, 4)];
    if (!this.#canUseFlash(offset, size)) return { reason: this.#host.isStub ? 196 : romFailed };
    this.#writer?.interrupt();
    const region = this.#chip.flash.bytes.subarray(offset, offset + size);
    const digest = createHash("md5").update(region).digest();
    this.#chip.flash.onDigest();
    const busyMs = (size / 1024) * this.#chip.timing.md5MsPerKilobyte;
    return { data: this.#host.isStub ? digest : Buffer.from(digest.toString("hex")), busyMs };
  }

  #readSlow(body: Uint8Array): Outcome {
    if (this.#host.isStub || body.length !== 8) return { reason: badLength(this.#host.isStub) };
    const [offset, size] = [wordAt(body, 0), wordAt(body, 4)];
    if (!this.#canUseFlash(offset, size) || size > slowReadBytes) return { reason: romFailed };
    const data = new Uint8Array(slowReadBytes);
    data.set(this.#chip.flash.bytes.subarray(offset, offset + size));
    return { data };
  }

  #erase(offset: number, size: number): Outcome {
    const { flash, timing } = this.#chip;
    if (!flash.holds(offset, size) || offset % 4096 !== 0 || size % 4096 !== 0) {
      return { reason: refusal.badLength };
    }
    return { busyMs: flash.erase(offset, size) * timing.eraseMsPerSector };
  }

  #beginRead(body: Uint8Array): Outcome {
    if (body.length !== 16) return { reason: refusal.badLength };
    const [offset, size, packetBytes, packetsInFlight] = fourWords(body);
    const { flash } = this.#chip;
    if (!flash.holds(offset, size) || packetBytes === 0) return { reason: refusal.badLength };
    const request = { offset, size, packetBytes, packetsInFlight };
    return {
      after: () => {
        this.#reader = new EspReader(flash, request, (frame) => this.#host.sendFrame(frame));
      },
    };
  }
}

/** The ROM has fewer reasons than the stub. */
function romReason(reason: number): number {
  return reason === refusal.inflate ? 11 : romFailed;
}
