// Writing flash so that it ends verified or with a reason: skips what is there, resumes after any break.
import { createHash } from "node:crypto";
import { constants, deflateSync } from "node:zlib";
import { DeviceError, isDeviceError } from "../../serial/error.ts";
import { trySync } from "./connect.ts";
import { readFlash } from "./read.ts";
import {
  type FlashRegion,
  gapsOf,
  hex,
  orderedRegions,
  overlay,
  type SectorSpan,
  sectorSpans,
} from "./regions.ts";
import { SameBoard } from "./same-board.ts";
import type { EspSession } from "./session.ts";

/** Unit of comparison: small enough to save time, large enough to keep requests few. */
const compareBytes = 64 * 1024;
/** Attempts in a row that change nothing, and attempts at all, before giving up. */
const fruitlessMax = 4;
const attemptsMax = 24;

export interface WriteProgress {
  readonly phase: "compare" | "write" | "verify" | "recover";
  readonly doneBytes: number;
  readonly totalBytes: number;
  readonly note?: string;
}

export interface WriteOptions {
  /** Default true: blocks whose MD5 matches already are not written. */
  readonly skipUnchanged?: boolean;
  /** Default true. */
  readonly isCompressed?: boolean;
  readonly onProgress?: (progress: WriteProgress) => void;
  /** Opens a new session after the board was lost. */
  readonly reconnect: () => Promise<EspSession>;
}

export interface WriteReport {
  /** The session that is open now; a reconnect replaces it. */
  readonly session: EspSession;
  readonly regionBytes: number;
  /** Flash bytes really written, counting repetitions. */
  readonly writtenBytes: number;
  /** Payload bytes sent for them. */
  readonly sentBytes: number;
  readonly skippedBytes: number;
  readonly recoveries: number;
  /**
   * True when acknowledged writes did not verify at first. A damaged command may then have touched other
   * parts of the flash: commands carry no checksum.
   */
  readonly hadSilentDamage: boolean;
}

interface Piece {
  readonly offset: number;
  readonly bytes: Uint8Array;
  readonly names: readonly string[];
}

/** After these a new connection may help. */
export const recoverable = [
  "no-reply",
  "refused",
  "port-gone",
  "no-device",
  "stub-failed",
  "lost-bootloader",
  "no-bootloader",
  "app-running",
  "unknown-chip",
] as const;

function md5(bytes: Uint8Array): string {
  return createHash("md5").update(bytes).digest("hex");
}

/** One job over one or more sessions. */
export class FlashWriter {
  #session: EspSession;
  readonly #options: WriteOptions;
  readonly #mac: string | undefined;
  #written = 0;
  #sent = 0;
  #skipped = 0;
  #recoveries = 0;
  #hadSilentDamage = false;
  #doneBytes = 0;
  #totalBytes = 0;

  /** `mac` is compared after every reconnect, so that a swapped port is noticed before it is written. */
  constructor(session: EspSession, mac: string | undefined, options: WriteOptions) {
    this.#session = session;
    this.#mac = mac;
    this.#options = options;
  }

  get session(): EspSession {
    return this.#session;
  }

  /**
   * Writes and verifies `regions`; neighbours in the same sectors are read first and kept.
   * @throws DeviceError: `overlap`, `does-not-fit`, `wrong-board`, `verify-failed`, or what broke the line.
   */
  async write(regions: readonly FlashRegion[], flashBytes: number): Promise<WriteReport> {
    const sorted = orderedRegions(regions, flashBytes);
    const spans = sectorSpans(sorted);
    this.#totalBytes = spans.reduce((sum, span) => sum + span.size, 0);
    for (const span of spans) {
      const bytes = await this.#persist((session) => fill(session, span, sorted));
      await this.#writePiece({ offset: span.offset, bytes, names: span.names });
      this.#doneBytes += span.size;
    }
    return this.#report(sorted);
  }

  #report(regions: readonly FlashRegion[]): WriteReport {
    return {
      session: this.#session,
      regionBytes: regions.reduce((sum, region) => sum + region.bytes.length, 0),
      writtenBytes: this.#written,
      sentBytes: this.#sent,
      skippedBytes: this.#skipped,
      recoveries: this.#recoveries,
      hadSilentDamage: this.#hadSilentDamage,
    };
  }

  #progress(phase: WriteProgress["phase"], doneBytes: number, note?: string): void {
    this.#options.onProgress?.({
      phase,
      doneBytes: this.#doneBytes + doneBytes,
      totalBytes: this.#totalBytes,
      ...(note === undefined ? {} : { note }),
    });
  }

  /** Runs `work`, recovering the connection as often as the line allows. */
  async #persist<T>(work: (session: EspSession) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await work(this.#session);
      } catch (error) {
        if (attempt === fruitlessMax || !isDeviceError(error, ...recoverable)) throw error;
        await this.#recover(error);
      }
    }
  }

  async #writePiece(piece: Piece): Promise<void> {
    let todo = await this.#firstPlan(piece);
    let fruitless = 0;
    for (let attempt = 0; todo.length > 0; attempt++) {
      const isUsedUp = attempt === attemptsMax || fruitless === fruitlessMax;
      if (isUsedUp) throw unverified(piece, todo);
      await this.#attempt(todo);
      const left = await this.#verify(piece, todo);
      fruitless = size(left) < size(todo) ? 0 : fruitless + 1;
      todo = left;
    }
  }

  async #firstPlan(piece: Piece): Promise<readonly Piece[]> {
    if (this.#options.skipUnchanged === false) return [piece];
    const changed = await this.#persist((session) => this.#compare(session, piece));
    this.#skipped += piece.bytes.length - size(changed);
    return changed;
  }

  /** Writes all of `todo`, or as much as the line lets through: what is missing shows in the comparison. */
  async #attempt(todo: readonly Piece[]): Promise<void> {
    try {
      for (const part of todo) await this.#stream(this.#session, part);
    } catch (error) {
      if (!isDeviceError(error, ...recoverable)) throw error;
      await this.#recover(error);
    }
  }

  /** One MD5 when all is well; a comparison by blocks otherwise. */
  async #verify(piece: Piece, todo: readonly Piece[]): Promise<readonly Piece[]> {
    this.#progress("verify", piece.bytes.length);
    const recoveriesBefore = this.#recoveries;
    const isSame = await this.#persist(
      async (session) => (await session.md5(piece.offset, piece.bytes.length)) === md5(piece.bytes),
    );
    if (isSame) return [];
    const left = await this.#persist((session) => this.#compare(session, piece));
    if (left.length > 0 && todo.length > 0 && this.#recoveries === recoveriesBefore) {
      this.#hadSilentDamage = true;
    }
    return left;
  }

  /** The parts of `piece` that differ from the flash, neighbours joined. */
  async #compare(session: EspSession, piece: Piece): Promise<readonly Piece[]> {
    const changed: Piece[] = [];
    for (let at = 0; at < piece.bytes.length; at += compareBytes) {
      const bytes = piece.bytes.subarray(at, at + compareBytes);
      this.#progress("compare", at);
      if ((await session.md5(piece.offset + at, bytes.length)) === md5(bytes)) continue;
      const last = changed.at(-1);
      const offset = piece.offset + at;
      if (last && last.offset + last.bytes.length === offset) {
        const from = last.offset - piece.offset;
        const joined = piece.bytes.subarray(from, at + bytes.length);
        changed[changed.length - 1] = { ...last, bytes: joined };
      } else changed.push({ offset, bytes, names: piece.names });
    }
    return changed;
  }

  async #stream(session: EspSession, part: Piece): Promise<void> {
    const isCompressed = this.#options.isCompressed ?? true;
    const data = isCompressed
      ? deflateSync(part.bytes, { level: constants.Z_BEST_COMPRESSION })
      : part.bytes;
    await session.beginWrite(
      part.offset,
      part.bytes.length,
      isCompressed ? data.length : undefined,
    );
    const { blockBytes } = session;
    for (let sequence = 0; sequence * blockBytes < data.length; sequence++) {
      const at = sequence * blockBytes;
      const block = paddedBlock(data.subarray(at, at + blockBytes), isCompressed, blockBytes);
      const flashBytes = isCompressed ? part.bytes.length : block.length;
      await writeBlockSafely(session, block, sequence, { isCompressed, flashBytes });
      this.#sent += block.length;
      const share = Math.min(1, (at + blockBytes) / data.length);
      this.#progress("write", Math.round(share * part.bytes.length));
    }
    await session.endWrite(isCompressed);
    this.#written += part.bytes.length;
  }

  /** Brings the connection back: the same loader if it still answers, a fresh one otherwise. */
  async #recover(reason: DeviceError): Promise<void> {
    this.#recoveries++;
    this.#progress("recover", 0, reason.message);
    const { link, isStub } = this.#session;
    if (link.port && (await stillThere(this.#session, isStub, this.#mac))) return;
    await this.#session.close();
    this.#session = await this.#options.reconnect();
    try {
      await new SameBoard(this.#mac).require(this.#session, reason);
    } catch (error) {
      await this.#session.close();
      throw error;
    }
  }
}

const drainQuietMs = 30;

/** A network port stays open while another board is put behind it: so the MAC is asked here too. */
async function stillThere(
  session: EspSession,
  isStub: boolean,
  mac: string | undefined,
): Promise<boolean> {
  try {
    await session.link.drain(drainQuietMs);
    if ((await trySync(session.link)) !== isStub) return false;
    return mac === undefined || (await session.mac()) === mac;
  } catch (error) {
    if (!isDeviceError(error)) throw error;
    return false;
  }
}

/** A block refused for its checksum was not used: it may be sent again. Anything else may not. */
async function writeBlockSafely(
  session: EspSession,
  block: Uint8Array,
  sequence: number,
  kind: { isCompressed: boolean; flashBytes: number },
): Promise<void> {
  const damagedReasons = [7, 193];
  const sendsMax = 3;
  for (let send = 1; ; send++) {
    try {
      await session.writeBlock(block, sequence, kind);
      return;
    } catch (error) {
      const reason = isDeviceError(error) && "reason" in error ? error.reason : undefined;
      if (send === sendsMax || !damagedReasons.includes(reason as number)) throw error;
    }
  }
}

/** Uncompressed blocks all have the full length; 0xFF leaves erased flash as it is. */
function paddedBlock(block: Uint8Array, isCompressed: boolean, blockBytes: number): Uint8Array {
  if (isCompressed || block.length === blockBytes) return block;
  const padded = new Uint8Array(blockBytes).fill(0xff);
  padded.set(block);
  return padded;
}

async function fill(
  session: EspSession,
  span: SectorSpan,
  regions: readonly FlashRegion[],
): Promise<Uint8Array> {
  const base = new Uint8Array(span.size).fill(0xff);
  for (const gap of gapsOf(span, regions)) {
    base.set(await readFlash(session, gap.offset, gap.size), gap.offset - span.offset);
  }
  return overlay(span, base, regions);
}

function size(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, piece) => sum + piece.bytes.length, 0);
}

function unverified(piece: Piece, todo: readonly Piece[]): DeviceError {
  const where = todo.map((part) => hex(part.offset)).join(", ");
  return new DeviceError(
    "verify-failed",
    `${piece.names.join(", ")}: flash differs from the file at ${where} after every attempt`,
    { hint: "lower --baud or use another cable; the flash chip may be worn or write-protected" },
  );
}
