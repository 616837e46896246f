// The serial loader of an ESP chip: boot ROM and flasher stub, as flashing tools see them.
import { createHash } from "node:crypto";
import {
  blockChecksum,
  type LoaderFrame,
  op,
  parseFrame,
  replyFrame,
  slowReadBytes,
  wordAt,
  words,
} from "../../flash/esp/protocol.ts";
import type { EspTarget } from "../../flash/esp/target.ts";
import { EspRam } from "./esp-ram.ts";
import { EspReader } from "./esp-reader.ts";
import type { EspRegisters } from "./esp-registers.ts";
import { EspWriter, refusal } from "./esp-writer.ts";
import type { NorFlash } from "./nor-flash.ts";

/** How long the flash takes; all 0 by default, so that the line alone decides. */
export interface FlashTiming {
  readonly eraseMsPerSector: number;
  readonly programMsPerKilobyte: number;
  readonly md5MsPerKilobyte: number;
}

export interface LoaderChip {
  readonly target: EspTarget;
  readonly flash: NorFlash;
  readonly registers: EspRegisters;
  readonly securityFlags: number;
  readonly timing: FlashTiming;
}

/** What a command leads to. */
interface Outcome {
  readonly value?: number;
  readonly data?: Uint8Array;
  /** 0 = done; otherwise the second status byte. */
  readonly reason?: number;
  readonly busyMs?: number;
  /** The stub acknowledges blocks before it writes them. */
  readonly isAckFirst?: boolean;
  readonly copies?: number;
  readonly after?: () => void;
}

const romUnsupported = 5;
const romFailed = 6;
const romSyncValue = 0x20120707;
const replyCopies = 8;
const secureCommands: ReadonlySet<number> = new Set([
  op.sync,
  op.spiAttach,
  op.spiSetParams,
  op.changeBaud,
  op.flashBegin,
  op.flashData,
  op.flashEnd,
  op.securityInfo,
]);
const stubOnly = 0xd0;

export interface LoaderHost {
  readonly isStub: boolean;
  sendFrame(frame: Uint8Array): void;
  changeBaud(baud: number): void;
  /** MEM_END with an entry point: whatever was loaded runs. */
  runFromRam(entry: number): void;
  /** FLASH_END that leaves the loader. */
  startApp(): void;
}

export class EspLoader {
  readonly #chip: LoaderChip;
  readonly #host: LoaderHost;
  #writer: EspWriter | undefined;
  #isAttached = false;
  readonly ram = new EspRam();
  #reader: EspReader | undefined;

  constructor(chip: LoaderChip, host: LoaderHost) {
    this.#chip = chip;
    this.#host = host;
  }

  /** Power is cut or the chip is reset. */
  interrupt(): void {
    this.#writer?.interrupt();
    this.#writer = undefined;
    this.#reader = undefined;
  }

  /** Handles one frame; returns how long the loader is busy afterwards and what it says then. */
  handle(frame: Uint8Array): {
    busyMs: number;
    now: Uint8Array[];
    later: Uint8Array[];
    after?: () => void;
  } {
    if (this.#reader) {
      this.#reader.frame(frame);
      if (this.#reader.isDone) this.#reader = undefined;
      return { busyMs: 0, now: [], later: [] };
    }
    const request = parseFrame(frame, 0);
    if (!request) return { busyMs: 0, now: [], later: [] };
    const outcome = this.#execute(request);
    const replies = this.#replies(request.operation, outcome);
    return {
      busyMs: outcome.busyMs ?? 0,
      now: outcome.isAckFirst ? replies : [],
      later: outcome.isAckFirst ? [] : replies,
      ...(outcome.after ? { after: outcome.after } : {}),
    };
  }

  #replies(operation: number, outcome: Outcome): Uint8Array[] {
    const { reason = 0, data = new Uint8Array(0), value = 0 } = outcome;
    const status = new Uint8Array(this.#host.isStub ? 2 : 4);
    if (reason !== 0) {
      status[0] = 1;
      status[1] = reason;
    }
    // The ROM answers an unknown command eight times, under another operation code.
    const isUnknown = reason === romUnsupported && !this.#host.isStub;
    const code = isUnknown ? 0 : operation;
    const frame = replyFrame(
      code,
      value,
      Buffer.concat([reason === 0 ? data : new Uint8Array(0), status]),
    );
    return new Array<Uint8Array>(isUnknown ? replyCopies : (outcome.copies ?? 1)).fill(frame);
  }

  #execute(request: LoaderFrame): Outcome {
    const { operation } = request;
    const { isStub } = this.#host;
    const isLocked = (this.#chip.securityFlags & 4) !== 0;
    if (isLocked && !secureCommands.has(operation)) return { reason: romUnsupported };
    if (operation >= stubOnly && !isStub) return { reason: romUnsupported };
    if (operation !== op.deflData && operation !== op.flashData) this.#leaveWrite(operation);
    return (
      this.#general(request) ?? this.#memory(request) ?? this.#flash(request) ?? unsupported(isStub)
    );
  }

  /** Any command but the end of a write interrupts one. */
  #leaveWrite(operation: number): void {
    if (operation === op.deflEnd || operation === op.flashEnd || operation === op.md5) return;
    this.#writer?.interrupt();
  }

  #general({ operation, body }: LoaderFrame): Outcome | undefined {
    const { registers, target } = this.#chip;
    switch (operation) {
      case op.sync:
        return { value: this.#host.isStub ? 0 : romSyncValue, copies: replyCopies };
      case op.readReg:
        return body.length < 4
          ? { reason: this.#badLength() }
          : { value: registers.read(wordAt(body, 0)) };
      case op.writeReg:
        return this.#writeRegisters(body);
      case op.securityInfo:
        return target.securityInfoBytes === 0
          ? { reason: this.#host.isStub ? 255 : romUnsupported }
          : { data: this.#securityInfo() };
      case op.changeBaud: {
        if (body.length < 8) return { reason: this.#badLength() };
        const baud = wordAt(body, 0);
        return { after: () => this.#host.changeBaud(baud) };
      }
      case op.spiAttach:
      case op.spiSetParams:
        this.#isAttached = true;
        return {};
      default:
        return undefined;
    }
  }

  #badLength(): number {
    return this.#host.isStub ? refusal.badLength : romUnsupported;
  }

  #writeRegisters(body: Uint8Array): Outcome {
    const entryBytes = 16;
    if (body.length === 0 || body.length % entryBytes !== 0) return { reason: this.#badLength() };
    for (let at = 0; at < body.length; at += entryBytes) {
      this.#chip.registers.write(wordAt(body, at), wordAt(body, at + 4), wordAt(body, at + 8));
    }
    return {};
  }

  #securityInfo(): Uint8Array {
    const { securityFlags, target } = this.#chip;
    const info = new Uint8Array(target.securityInfoBytes);
    info.set(words(securityFlags));
    if (info.length === 20) info.set(words(target.chipId, 0), 12);
    return info;
  }

  #memory({ operation, body, value }: LoaderFrame): Outcome | undefined {
    if (operation === op.memBegin) {
      if (body.length < 16) return { reason: this.#badLength() };
      const [bytes, blocks, , address] = fourWords(body);
      this.ram.begin({ bytes, blocks, address });
      return {};
    }
    if (operation === op.memData) {
      const payload = this.#payload(body, value);
      if (typeof payload === "number") return { reason: payload };
      return this.ram.block(wordAt(body, 4)) ? {} : { reason: romFailed };
    }
    if (operation !== op.memEnd) return undefined;
    if (body.length < 8) return { reason: this.#badLength() };
    const entry = wordAt(body, 4);
    return entry === 0 ? {} : { after: () => this.#host.runFromRam(entry) };
  }

  /** The checked payload of a data command, or the reason to refuse it. */
  #payload(body: Uint8Array, checksum: number): Uint8Array | number {
    const headerBytes = 16;
    if (body.length < headerBytes || wordAt(body, 0) !== body.length - headerBytes) {
      return this.#badLength();
    }
    const payload = body.subarray(headerBytes);
    if (blockChecksum(payload) === checksum) return payload;
    return this.#host.isStub ? refusal.badChecksum : 7;
  }

  #flash(request: LoaderFrame): Outcome | undefined {
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
      case op.eraseFlash:
        return this.#erase(0, this.#chip.flash.bytes.length);
      case op.eraseRegion:
        return body.length < 8
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
    if (body.length !== (isLong ? 20 : 16)) return { reason: this.#badLength() };
    const [eraseBytes, blocks, blockBytes, offset] = fourWords(body);
    if (!this.#canUseFlash(offset, 0) || offset >= flash.bytes.length) return { reason: romFailed };
    const room = Math.min(eraseBytes, flash.bytes.length - offset);
    const sectors = room === 0 ? 0 : flash.erase(offset, room);
    this.#writer = new EspWriter(flash, { offset, eraseBytes, blocks, blockBytes, isCompressed });
    return { busyMs: sectors * timing.eraseMsPerSector };
  }

  #writeBlock({ operation, body, value }: LoaderFrame): Outcome {
    const { isStub } = this.#host;
    const payload = this.#payload(body, value);
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
    if (body.length !== 16) return { reason: this.#badLength() };
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
    if (this.#host.isStub || body.length !== 8) return { reason: this.#badLength() };
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

function fourWords(body: Uint8Array): [number, number, number, number] {
  return [wordAt(body, 0), wordAt(body, 4), wordAt(body, 8), wordAt(body, 12)];
}

function unsupported(isStub: boolean): Outcome {
  return { reason: isStub ? 255 : romUnsupported };
}

/** The ROM has fewer reasons than the stub. */
function romReason(reason: number): number {
  return reason === refusal.inflate ? 11 : romFailed;
}
