// Bytes beside a job's regions over a break of the job: kept before their sector is erased, put back by the next job.
import { DeviceError, isDeviceError } from "../../serial/error.ts";
import { UserError } from "../../user-error.ts";
import {
  isWorthKeeping,
  type KeptSector,
  neighbourCount,
  neighbourState,
  noKeeper,
  type SectorKeeper,
  type Witness,
  withNeighbours,
} from "./keeper.ts";
import { tableOffset } from "./partitions.ts";
import { fill, md5, type Piece } from "./piece.ts";
import { sectorBytes } from "./protocol.ts";
import { readFlash } from "./read.ts";
import { type FlashRegion, gapsOf, hex, type WriteStep } from "./regions.ts";
import type { SteadySession } from "./steady.ts";

/** What a fill leaves proves nothing about what was there before it. */
const blankSectors: ReadonlySet<string> = new Set(
  [0x00, 0xff].map((byte) => md5(new Uint8Array(sectorBytes).fill(byte))),
);

export class Neighbours {
  readonly #line: SteadySession;
  readonly #mac: string | undefined;
  readonly #keeper: SectorKeeper;
  /** Where the neighbours of the sector that is written now are. */
  #keptAt: string | undefined;

  constructor(line: SteadySession, mac: string | undefined, keeper: SectorKeeper = noKeeper) {
    this.#line = line;
    this.#mac = mac;
    this.#keeper = keeper;
  }

  /** What a step writes, its neighbours' bytes read from the flash. */
  async pieceOf(step: WriteStep, regions: readonly FlashRegion[]): Promise<Piece> {
    const { offset, names } = step;
    const bytes = await this.#line.persist((session) => fill(session, step, regions));
    if (!step.isShared || this.#mac === undefined) return { offset, bytes, names };
    const kept = { mac: this.#mac, offset, bytes, neighbours: gapsOf(step, regions) };
    return isWorthKeeping(kept) ? { offset, bytes, names, kept } : { offset, bytes, names };
  }

  /** Before `piece` is erased. */
  async keep({ kept }: Piece, flashBytes: number): Promise<void> {
    if (!kept) return;
    const witnesses = await this.#witnessesOf(kept, flashBytes);
    this.#keptAt = this.#keeper.keep({ ...kept, witnesses });
  }

  /** The sectors beside it, and the partition table's: whoever fills or erases a flash changes one of them. */
  async #witnessesOf({ offset }: KeptSector, flashBytes: number): Promise<readonly Witness[]> {
    const places = new Set([offset - sectorBytes, offset + sectorBytes, tableOffset]);
    places.delete(offset);
    const witnesses: Witness[] = [];
    for (const at of places) {
      if (at < 0 || at + sectorBytes > flashBytes) continue;
      const digest = await this.#digestOf(at);
      if (!blankSectors.has(digest)) witnesses.push({ offset: at, md5: digest });
    }
    return witnesses;
  }

  #digestOf(offset: number): Promise<string> {
    return this.#line.persist((session) => session.md5(offset, sectorBytes));
  }

  async #isUntouchedAround(kept: KeptSector, flashBytes: number): Promise<boolean> {
    for (const witness of kept.witnesses ?? []) {
      const isOnChip = witness.offset + sectorBytes <= flashBytes;
      if (!isOnChip || (await this.#digestOf(witness.offset)) !== witness.md5) return false;
    }
    return true;
  }

  /** `piece` is verified. */
  forget({ kept }: Piece): void {
    if (kept) this.#keeper.forget(kept);
    this.#keptAt = undefined;
  }

  /** Repairs what an earlier job on this board left of its neighbours. */
  async putBack(
    flashBytes: number,
    write: (piece: Piece) => Promise<void>,
    onNote: (note: string) => void,
  ): Promise<void> {
    if (this.#mac === undefined) return;
    for (const kept of this.#keeper.keptOf(this.#mac)) {
      const { offset } = kept;
      if (offset + sectorBytes > flashBytes) continue;
      const flash = await this.#line.persist((session) => readFlash(session, offset, sectorBytes));
      const state = neighbourState(kept, flash);
      const where = `${neighbourCount(kept)} bytes at ${hex(offset)}`;
      const isTorn = state === "torn" && (await this.#isUntouchedAround(kept, flashBytes));
      if (state !== "whole" && !isTorn) {
        const aside = this.#keeper.setAside(kept);
        const what = state === "other" ? where : `the sectors around ${where}`;
        onNote(`${what} were written since: those kept are in ${aside}`);
      } else if (isTorn) {
        const bytes = withNeighbours(kept, flash);
        const names = ["what an earlier job left"];
        await write({ offset, bytes, names, kept: { ...kept, bytes } });
        onNote(`${where}, lost to an earlier job, are back`);
      } else this.#keeper.forget(kept);
    }
  }

  /** An error that ends the job while neighbours are away says where they are. */
  explain(error: unknown, open: Piece | undefined): unknown {
    const kept = open?.kept;
    if (!kept || this.#keptAt === undefined || !(error instanceof UserError)) return error;
    const beside = `${neighbourCount(kept)} bytes beside it at ${hex(kept.offset)}`;
    const message = `${error.message}; ${beside} are kept in ${this.#keptAt}`;
    const { hint: first, code, exitCode } = error;
    const hint = `${first ?? "check the cable"}; the same command puts the kept bytes back`;
    if (isDeviceError(error)) return new DeviceError(error.code, message, { hint, cause: error });
    return new UserError(message, { hint, code, exitCode, cause: error });
  }
}
