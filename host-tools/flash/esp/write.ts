// Writing flash so that it ends verified or with a reason: skips what is there, resumes after any break.
import { constants, deflateSync } from "node:zlib";
import { type DeviceError, isDeviceError } from "../../serial/error.ts";
import { interrupted } from "../../user-error.ts";
import type { SectorKeeper } from "./keeper.ts";
import { Neighbours } from "./neighbours.ts";
import {
  changedParts,
  isOverlapping,
  md5,
  type Piece,
  placeOf,
  sizeOf,
  unverified,
} from "./piece.ts";
import { requireReadBack } from "./read-back.ts";
import { type FlashRegion, gapsOf, orderedRegions, sectorSpans, writeSteps } from "./regions.ts";
import type { EspSession } from "./session.ts";
import { fruitlessMax, recoverable, SteadySession } from "./steady.ts";
import { paddedBlock, writeBlockSafely } from "./write-block.ts";

/** Attempts at all before giving up. */
const attemptsMax = 24;
/** Times that pieces which were verified may be found damaged by what was written after them. */
const reviewsMax = 4;

export interface WriteProgress {
  readonly phase: "compare" | "write" | "verify" | "read" | "recover" | "restore";
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
  /** Looked at between blocks: once aborted, the job ends in order. */
  readonly signal?: AbortSignal;
  /** Opens a new session after the board was lost. */
  readonly reconnect: () => Promise<EspSession>;
}

export interface WriteReport {
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

/** One job over one or more sessions. */
export class FlashWriter {
  readonly #line: SteadySession;
  readonly #options: WriteOptions;
  readonly #neighbours: Neighbours;
  #written = 0;
  #sent = 0;
  #skipped = 0;
  #hadSilentDamage = false;
  #isAllWritten = false;
  #doneBytes = 0;
  #totalBytes = 0;
  #flashBytes = 0;
  /** Writes begun so far. */
  #writes = 0;
  /** Verified pieces, with the writes begun by then. */
  readonly #verified = new Map<Piece, number>();
  /** What is half written now. */
  #open: Piece | undefined;

  /** `mac` is compared after every reconnect, so that a swapped port is noticed before it is written. */
  constructor(session: EspSession, mac: string | undefined, options: WriteOptions) {
    this.#options = options;
    const { reconnect } = options;
    this.#line = new SteadySession(session, mac, {
      reconnect,
      onBreak: (reason) => this.#broken(reason),
    });
    this.#neighbours = new Neighbours(this.#line, mac, options.keeper);
  }

  /** The session that is open now; a reconnect replaces it. */
  get session(): EspSession {
    return this.#line.session;
  }

  get recoveries(): number {
    return this.#line.recoveries;
  }

  /**
   * Writes and verifies `regions`; neighbours in the same sectors are read first and kept.
   * @throws DeviceError: `overlap`, `does-not-fit`, `wrong-board`, `verify-failed`, or what broke the line.
   */
  async write(regions: readonly FlashRegion[], flashBytes: number): Promise<WriteReport> {
    const sorted = orderedRegions(regions, flashBytes);
    const spans = sectorSpans(sorted);
    this.#flashBytes = flashBytes;
    this.#totalBytes = spans.reduce((sum, span) => sum + span.size, 0);
    try {
      await this.#neighbours.putBack(
        flashBytes,
        (piece) => this.#writePiece(piece),
        (note) => this.#progress("restore", 0, note),
      );
      for (const span of spans) {
        for (const step of writeSteps(span, gapsOf(span, sorted))) {
          await this.#writePiece(await this.#neighbours.pieceOf(step, sorted));
          this.#doneBytes += step.size;
        }
      }
      await this.#review();
    } catch (error) {
      throw this.#neighbours.explain(error, this.#open);
    }
    return this.#report(sorted);
  }

  /**
   * Reads back what was written, besides the sums that the chip computed.
   * @throws DeviceError `verify-failed`, `wrong-board`, or what broke the line
   */
  async readBack(regions: readonly FlashRegion[]): Promise<void> {
    this.#isAllWritten = true;
    await requireReadBack(this.#line, regions, (doneBytes, totalBytes) => {
      this.#stopIfInterrupted();
      this.#options.onProgress?.({ phase: "read", doneBytes, totalBytes });
    });
  }

  #broken(reason: DeviceError): void {
    this.#stopIfInterrupted();
    this.#progress("recover", 0, reason.message);
  }

  #stopIfInterrupted(): void {
    if (!this.#options.signal?.aborted) return;
    throw interrupted(this.state(), "run the same command again: it goes on where it stopped");
  }

  /** True while the flash holds what it held before the job, or all of it. */
  get isWhole(): boolean {
    const isAsBefore = this.#written === 0 && !this.#options.wasErased;
    return this.#open === undefined && (isAsBefore || this.#isAllWritten);
  }

  /** For people who end a job: what they have now. */
  state(): string {
    const open = this.#open;
    if (open) return `${open.names.join(", ")} is half written (${placeOf(open)})`;
    if (this.#isAllWritten)
      return "everything is written and verified, but not read back to the end";
    if (this.#written > 0) return `${this.#written} bytes are written, the rest is as it was`;
    return this.#options.wasErased
      ? "the flash is erased, nothing is written yet"
      : "nothing was written";
  }

  #report(regions: readonly FlashRegion[]): WriteReport {
    return {
      regionBytes: regions.reduce((sum, region) => sum + region.bytes.length, 0),
      writtenBytes: this.#written,
      sentBytes: this.#sent,
      skippedBytes: this.#skipped,
      recoveries: this.#line.recoveries,
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

  async #writePiece(piece: Piece): Promise<void> {
    let todo = await this.#firstPlan(piece);
    let fruitless = 0;
    for (let attempt = 0; todo.length > 0; attempt++) {
      const isUsedUp = attempt === attemptsMax || fruitless === fruitlessMax;
      if (isUsedUp) throw unverified(piece, todo);
      this.#stopIfInterrupted();
      if (attempt === 0) await this.#neighbours.keep(piece, this.#flashBytes);
      this.#open = piece;
      await this.#attempt(piece, todo);
      const left = await this.#verify(piece, todo);
      fruitless = sizeOf(left) < sizeOf(todo) ? 0 : fruitless + 1;
      todo = left;
    }
    this.#open = undefined;
    this.#neighbours.forget(piece);
    // What an earlier job left is put back first and may be written over.
    for (const earlier of this.#verified.keys()) {
      if (isOverlapping(earlier, piece)) this.#verified.delete(earlier);
    }
    this.#verified.set(piece, this.#writes);
  }

  /**
   * A command that was damaged on its way may have hit what was verified before it: commands carry no checksum.
   * So whatever was not written last is compared again, until nothing differs.
   */
  async #review(): Promise<void> {
    for (let round = 0; ; round++) {
      const damaged: Piece[] = [];
      for (const [piece, writes] of this.#verified) {
        if (writes === this.#writes) continue;
        // Asked twice: the answer may have been what was damaged.
        const isSame = (await this.#isWritten(piece)) || (await this.#isWritten(piece));
        if (isSame) this.#verified.set(piece, this.#writes);
        else damaged.push(piece);
      }
      if (damaged.length === 0) return;
      if (round === reviewsMax) throw unverified(damaged[0]!, damaged);
      this.#hadSilentDamage = true;
      const skipped = this.#skipped;
      for (const piece of damaged) await this.#writePiece(piece);
      this.#skipped = skipped;
    }
  }

  #isWritten(piece: Piece): Promise<boolean> {
    return this.#line.persist(
      async (session) => (await session.md5(piece.offset, piece.bytes.length)) === md5(piece.bytes),
    );
  }

  async #firstPlan(piece: Piece): Promise<readonly Piece[]> {
    if (this.#options.skipUnchanged === false) return [piece];
    const changed = await this.#compare(piece);
    this.#skipped += piece.bytes.length - sizeOf(changed);
    return changed;
  }

  /** Writes all of `todo`, or as much as the line lets through: what is missing shows in the comparison. */
  async #attempt(piece: Piece, todo: readonly Piece[]): Promise<void> {
    try {
      for (const part of todo) await this.#stream(this.session, part, piece.kept !== undefined);
    } catch (error) {
      if (!isDeviceError(error, ...recoverable)) throw error;
      await this.#line.recover(error);
    }
  }

  /** One MD5 when all is well; a comparison by blocks otherwise. */
  async #verify(piece: Piece, todo: readonly Piece[]): Promise<readonly Piece[]> {
    this.#progress("verify", piece.bytes.length);
    const recoveriesBefore = this.#line.recoveries;
    if (await this.#isWritten(piece)) return [];
    const left = await this.#compare(piece);
    if (left.length > 0 && todo.length > 0 && this.#line.recoveries === recoveriesBefore) {
      this.#hadSilentDamage = true;
    }
    return left;
  }

  async #compare(piece: Piece): Promise<readonly Piece[]> {
    return this.#line.persist((session) =>
      changedParts(session, piece, (doneBytes) => this.#progress("compare", doneBytes)),
    );
  }

  async #stream(session: EspSession, part: Piece, isShared: boolean): Promise<void> {
    const isCompressed = this.#options.isCompressed ?? true;
    const data = isCompressed
      ? deflateSync(part.bytes, { level: constants.Z_BEST_COMPRESSION })
      : part.bytes;
    this.#writes++;
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
}
