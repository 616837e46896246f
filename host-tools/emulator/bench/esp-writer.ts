// A flash write under way in a loader: blocks in, pages out, with the refusals of ROM and stub.
import { constants, inflateSync } from "node:zlib";
import type { NorFlash } from "./nor-flash.ts";

/** Why a block is refused; numbers as the stub reports them (the ROM's are mapped by the caller). */
export const refusal = {
  badLength: 192,
  badChecksum: 193,
  notWriting: 198,
  inflate: 199,
  notEnough: 200,
  tooMuch: 201,
} as const;

export interface WriteBegin {
  readonly offset: number;
  /** Bytes to erase; no write goes beyond them. */
  readonly eraseBytes: number;
  readonly blocks: number;
  readonly blockBytes: number;
  readonly isCompressed: boolean;
}

export class EspWriter {
  readonly #flash: NorFlash;
  readonly begin: WriteBegin;
  #received: Uint8Array[] = [];
  #blocks = 0;
  #at: number;
  /** Content bytes programmed so far. */
  #programmed = 0;

  constructor(flash: NorFlash, begin: WriteBegin) {
    this.#flash = flash;
    this.begin = begin;
    this.#at = begin.offset;
  }

  /** Number of the block that must come next. */
  get expected(): number {
    return this.#blocks;
  }

  /** Undefined, or why the block is refused. */
  block(payload: Uint8Array): number | undefined {
    if (this.#blocks === this.begin.blocks) return refusal.tooMuch;
    if (payload.length > this.begin.blockBytes) return refusal.badLength;
    this.#blocks++;
    if (!this.begin.isCompressed) {
      this.#program(payload);
      return undefined;
    }
    this.#received.push(new Uint8Array(payload));
    return this.#blocks === this.begin.blocks ? this.#finish() : undefined;
  }

  /** Power is gone, or another command came: what was inflated so far is in the flash. */
  interrupt(): void {
    if (this.#received.length === 0) return;
    try {
      this.#inflate();
    } catch {
      // A damaged stream ends wherever the inflater stopped; nothing more is written.
    }
  }

  #finish(): number | undefined {
    try {
      this.#inflate();
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE"
        ? refusal.tooMuch
        : refusal.inflate;
    }
    return this.#programmed === 0 ? refusal.notEnough : undefined;
  }

  /** One inflate per write instead of one per block: nobody can look in between. */
  #inflate(): void {
    const stream = Buffer.concat(this.#received);
    this.#received = [];
    const content = inflateSync(stream, {
      finishFlush: constants.Z_SYNC_FLUSH,
      maxOutputLength: Math.max(1, this.begin.eraseBytes),
    });
    this.#program(content);
  }

  #program(content: Uint8Array): void {
    const end = Math.min(this.begin.offset + this.begin.eraseBytes, this.#flash.bytes.length);
    const room = Math.max(0, end - this.#at);
    this.#flash.program(this.#at, content.subarray(0, room));
    this.#at += content.length;
    this.#programmed += content.length;
  }
}
