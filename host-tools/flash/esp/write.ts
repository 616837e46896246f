// Writing flash so that it ends verified or with a reason: skips what is there, resumes after any break.
import { createHash } from "node:crypto";
import { constants, deflateSync } from "node:zlib";
import { DeviceError, isDeviceError } from "../../serial/error.ts";
import { exitCodes, UserError } from "../../user-error.ts";
import {
  isWorthKeeping,
  type KeptSector,
  neighbourCount,
  neighbourState,
  noKeeper,
  type SectorKeeper,
  withNeighbours,
} from "./keeper.ts";
import { sectorBytes } from "./protocol.ts";
import { readFlash } from "./read.ts";
import {
  type FlashRegion,
  gapsOf,
  hex,
  orderedRegions,
  overlay,
  type SectorSpan,
  sectorSpans,
  type WriteStep,
  writeSteps,
} from "./regions.ts";
import { SameBoard } from "./same-board.ts";
import type { EspSession } from "./session.ts";
import { paddedBlock, stillThere, writeBlockSafely } from "./write-block.ts";

/** Unit of comparison: small enough to save time, large enough to keep requests few. */
const compareBytes = 64 * 1024;
/** Attempts in a row that change nothing, and attempts at all, before giving up. */
const fruitlessMax = 4;
const attemptsMax = 24;

export interface WriteProgress {
  readonly phase: "compare" | "write" | "verify" | "recover" | "restore";
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
  /** Keeps what is beside the regions over a job that dies. */
  readonly keeper?: SectorKeeper;
  /** For messages: the whole chip was erased before. */
  readonly wasErased?: boolean;
  /** Asked between blocks: true ends the job in order. */
  readonly isInterrupted?: () => boolean;
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
  /** Present when the sector is shared. */
  readonly kept?: KeptSector;
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
  /** What is half written now. */
  #open: Piece | undefined;
  #keptAt: string | undefined;
  readonly #keeper: SectorKeeper;

  /** `mac` is compared after every reconnect, so that a swapped port is noticed before it is written. */
  constructor(session: EspSession, mac: string | undefined, options: WriteOptions) {
    this.#session = session;
    this.#mac = mac;
    this.#options = options;
    this.#keeper = options.keeper ?? noKeeper;
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
    try {
      await this.#putBack(flashBytes);
      for (const span of spans) {
        for (const step of writeSteps(span, gapsOf(span, sorted))) {
          await this.#writePiece(await this.#pieceOf(step, sorted));
          this.#doneBytes += step.size;
        }
      }
    } catch (error) {
      throw this.#withKept(error);
    }
    return this.#report(sorted);
  }

  async #pieceOf(step: WriteStep, regions: readonly FlashRegion[]): Promise<Piece> {
    const { offset, names } = step;
    const bytes = await this.#persist((session) => fill(session, step, regions));
    if (!step.isShared || this.#mac === undefined) return { offset, bytes, names };
    const kept = { mac: this.#mac, offset, bytes, neighbours: gapsOf(step, regions) };
    return isWorthKeeping(kept) ? { offset, bytes, names, kept } : { offset, bytes, names };
  }

  /** Repairs what an earlier job on this board left of its neighbours. */
  async #putBack(flashBytes: number): Promise<void> {
    if (this.#mac === undefined) return;
    for (const kept of this.#keeper.keptOf(this.#mac)) {
      const { offset } = kept;
      if (offset + sectorBytes > flashBytes) continue;
      const flash = await this.#persist((session) => readFlash(session, offset, sectorBytes));
      const state = neighbourState(kept, flash);
      const where = `${neighbourCount(kept)} bytes at ${hex(offset)}`;
      if (state === "other") {
        const aside = this.#keeper.setAside(kept);
        this.#progress("restore", 0, `${where} were written since: those kept are in ${aside}`);
      } else if (state === "torn") {
        const bytes = withNeighbours(kept, flash);
        const names = ["what an earlier job left"];
        await this.#writePiece({ offset, bytes, names, kept: { ...kept, bytes } });
        this.#progress("restore", 0, `${where}, lost to an earlier job, are back`);
      } else this.#keeper.forget(kept);
    }
  }

  /** An error that ends the job while neighbours are away says where they are. */
  #withKept(error: unknown): unknown {
    const kept = this.#open?.kept;
    if (!kept || this.#keptAt === undefined || !(error instanceof UserError)) return error;
    const beside = `${neighbourCount(kept)} bytes beside it at ${hex(kept.offset)}`;
    const message = `${error.message}; ${beside} are kept in ${this.#keptAt}`;
    const { hint: first, code, exitCode } = error;
    const hint = `${first ?? "check the cable"}; the same command puts the kept bytes back`;
    if (isDeviceError(error)) return new DeviceError(error.code, message, { hint, cause: error });
    return new UserError(message, { hint, code, exitCode, cause: error });
  }

  #stopIfInterrupted(): void {
    if (!this.#options.isInterrupted?.()) return;
    const open = this.#open;
    const state = open
      ? `${open.names.join(", ")} is half written (${hex(open.offset)} to ${hex(open.offset + open.bytes.length)})`
      : this.#written > 0
        ? `${this.#written} bytes are written, the rest is as it was`
        : this.#options.wasErased
          ? "the flash is erased, nothing is written yet"
          : "nothing was written";
    throw new UserError(`interrupted: ${state}`, {
      code: "interrupted",
      exitCode: exitCodes.interrupted,
      hint: "run the same command again: it goes on where it stopped",
    });
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
      this.#stopIfInterrupted();
      if (attempt === 0 && piece.kept) this.#keptAt = this.#keeper.keep(piece.kept);
      this.#open = piece;
      await this.#attempt(piece, todo);
      const left = await this.#verify(piece, todo);
      fruitless = size(left) < size(todo) ? 0 : fruitless + 1;
      todo = left;
    }
    this.#open = undefined;
    if (piece.kept) this.#keeper.forget(piece.kept);
    this.#keptAt = undefined;
  }

  async #firstPlan(piece: Piece): Promise<readonly Piece[]> {
    if (this.#options.skipUnchanged === false) return [piece];
    const changed = await this.#persist((session) => this.#compare(session, piece));
    this.#skipped += piece.bytes.length - size(changed);
    return changed;
  }

  /** Writes all of `todo`, or as much as the line lets through: what is missing shows in the comparison. */
  async #attempt(piece: Piece, todo: readonly Piece[]): Promise<void> {
    try {
      for (const part of todo) await this.#stream(this.#session, part, piece.kept !== undefined);
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

  async #stream(session: EspSession, part: Piece, isShared: boolean): Promise<void> {
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
      // A shared sector is one short step: ending in it would leave the neighbours away.
      if (!isShared) this.#stopIfInterrupted();
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
    this.#stopIfInterrupted();
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
