// Bytes beside a job's regions over a break of the job: kept before their sector is erased, put back by the next job.
import { DeviceError, isDeviceError } from "../../serial/error.ts";
import { UserError } from "../../user-error.ts";
import {
  isWorthKeeping,
  neighbourCount,
  neighbourState,
  noKeeper,
  type SectorKeeper,
  withNeighbours,
} from "./keeper.ts";
import { fill, type Piece } from "./piece.ts";
import { sectorBytes } from "./protocol.ts";
import { readFlash } from "./read.ts";
import { type FlashRegion, gapsOf, hex, type WriteStep } from "./regions.ts";
import type { SteadySession } from "./steady.ts";

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
  keep({ kept }: Piece): void {
    if (kept) this.#keptAt = this.#keeper.keep(kept);
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
      if (state === "other") {
        const aside = this.#keeper.setAside(kept);
        onNote(`${where} were written since: those kept are in ${aside}`);
      } else if (state === "torn") {
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
