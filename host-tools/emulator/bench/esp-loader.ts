// The serial loader of an ESP chip: boot ROM and flasher stub, as flashing tools see them.
import {
  type LoaderFrame,
  op,
  parseFrame,
  replyFrame,
  wordAt,
  words,
} from "../../flash/esp/protocol.ts";
import type { EspTarget } from "../../flash/esp/target.ts";
import { EspFlashCommands, type FlashTiming } from "./esp-flash-commands.ts";
import {
  badLength,
  fourWords,
  type Outcome,
  payloadOf,
  romFailed,
  romUnsupported,
} from "./esp-outcome.ts";
import { EspRam } from "./esp-ram.ts";
import type { EspRegisters } from "./esp-registers.ts";
import type { NorFlash } from "./nor-flash.ts";

export interface LoaderChip {
  readonly target: EspTarget;
  readonly flash: NorFlash;
  readonly registers: EspRegisters;
  readonly securityFlags: number;
  readonly timing: FlashTiming;
}

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
  readonly #flash: EspFlashCommands;
  readonly ram = new EspRam();

  constructor(chip: LoaderChip, host: LoaderHost) {
    this.#chip = chip;
    this.#host = host;
    this.#flash = new EspFlashCommands(chip, host);
  }

  /** Power is cut or the chip is reset. */
  interrupt(): void {
    this.#flash.interrupt();
  }

  /** Handles one frame; returns how long the loader is busy afterwards and what it says then. */
  handle(frame: Uint8Array): {
    busyMs: number;
    now: Uint8Array[];
    later: Uint8Array[];
    after?: () => void;
  } {
    const request = this.#flash.takesFrame(frame) ? undefined : parseFrame(frame, 0);
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
      this.#general(request) ??
      this.#memory(request) ??
      this.#flash.execute(request) ??
      unsupported(isStub)
    );
  }

  /** Any command but the end of a write interrupts one. */
  #leaveWrite(operation: number): void {
    if (operation === op.deflEnd || operation === op.flashEnd || operation === op.md5) return;
    this.#flash.interruptWrite();
  }

  #general({ operation, body }: LoaderFrame): Outcome | undefined {
    const { registers, target } = this.#chip;
    switch (operation) {
      case op.sync:
        return { value: this.#host.isStub ? 0 : romSyncValue, copies: replyCopies };
      case op.readReg:
        return body.length < 4
          ? { reason: badLength(this.#host.isStub) }
          : { value: registers.read(wordAt(body, 0)) };
      case op.writeReg:
        return this.#writeRegisters(body);
      case op.securityInfo:
        return target.securityInfoBytes === 0
          ? { reason: this.#host.isStub ? 255 : romUnsupported }
          : { data: this.#securityInfo() };
      case op.changeBaud: {
        if (body.length < 8) return { reason: badLength(this.#host.isStub) };
        const baud = wordAt(body, 0);
        return { after: () => this.#host.changeBaud(baud) };
      }
      case op.spiAttach:
      case op.spiSetParams:
        this.#flash.attach();
        return {};
      default:
        return undefined;
    }
  }

  #writeRegisters(body: Uint8Array): Outcome {
    const entryBytes = 16;
    if (body.length === 0 || body.length % entryBytes !== 0)
      return { reason: badLength(this.#host.isStub) };
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
      if (body.length < 16) return { reason: badLength(this.#host.isStub) };
      const [bytes, blocks, , address] = fourWords(body);
      this.ram.begin({ bytes, blocks, address });
      return {};
    }
    if (operation === op.memData) {
      const payload = payloadOf(body, value, this.#host.isStub);
      if (typeof payload === "number") return { reason: payload };
      return this.ram.block(wordAt(body, 4)) ? {} : { reason: romFailed };
    }
    if (operation !== op.memEnd) return undefined;
    if (body.length < 8) return { reason: badLength(this.#host.isStub) };
    const entry = wordAt(body, 4);
    return entry === 0 ? {} : { after: () => this.#host.runFromRam(entry) };
  }
}

function unsupported(isStub: boolean): Outcome {
  return { reason: isStub ? 255 : romUnsupported };
}
