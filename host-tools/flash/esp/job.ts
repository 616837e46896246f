// A whole flashing job: connect, look, refuse or erase, write, verify, reset. What the command line calls.
import { DeviceError, isDeviceError } from "../../serial/error.ts";
import { isInterruption } from "../../user-error.ts";
import { reappearMs } from "./connect.ts";
import { type FlashSettings, isEspImage, patchFlashSettings } from "./image.ts";
import type { SectorKeeper } from "./keeper.ts";
import { tableBytes, tableOffset } from "./partitions.ts";
import { bringsTable, preflight } from "./preflight.ts";
import { readFlash } from "./read.ts";
import { type FlashRegion, hex } from "./regions.ts";
import { SameBoard } from "./same-board.ts";
import { type EspOptions, EspSession } from "./session.ts";
import { recoverable } from "./steady.ts";
import type { EspTarget } from "./target.ts";
import { FlashWriter, type WriteProgress } from "./write.ts";

export interface ChipInfo {
  readonly chip: string;
  readonly chipName: string;
  readonly mac: string | undefined;
  readonly flashId: string;
  readonly flashBytes: number;
  readonly isStub: boolean;
  readonly isSecureBoot: boolean;
  readonly isSecureDownload: boolean;
}

export interface FlashJob extends EspOptions {
  readonly regions: readonly FlashRegion[];
  /** The chip that must be there, for example from a board file. */
  readonly expectChip?: string;
  /** The MAC that must be there, for example from a bench inventory. */
  readonly expectMac?: string;
  /** Header settings for the image at the bootloader's offset; left as they are by default. */
  readonly settings?: FlashSettings;
  /** Sets the header's flash size to that of the chip on the board. */
  readonly setsDetectedSize?: boolean;
  readonly eraseAll?: boolean;
  readonly skipUnchanged?: boolean;
  readonly isCompressed?: boolean;
  /** Reads every byte back, besides the MD5 that the chip computes. */
  readonly readBack?: boolean;
  /** Default true. */
  readonly resetAfter?: boolean;
  /** Keeps what is beside the regions over a job that dies; in memory alone by default. */
  readonly keeper?: SectorKeeper;
  readonly onChip?: (info: ChipInfo) => void;
  readonly onProgress?: (progress: WriteProgress) => void;
}

export interface FlashResult extends ChipInfo {
  readonly address: string;
  readonly regions: readonly { name: string; offset: number; size: number }[];
  readonly writtenBytes: number;
  readonly sentBytes: number;
  readonly skippedBytes: number;
  readonly recoveries: number;
  readonly hadSilentDamage: boolean;
  /** False when it was not wanted or the port vanished before it. */
  readonly wasReset: boolean;
  readonly elapsedMs: number;
}

/** Secure Download Mode does not tell the flash size; the smallest in use is assumed for checks. */
const assumedFlashBytes = 4 << 20;

/** `board` is asked before anything else: what follows may be about another one. */
export async function chipInfo(
  session: EspSession,
  board: SameBoard = new SameBoard(),
): Promise<ChipInfo> {
  const isSecureDownload = session.security?.isSecureDownload ?? false;
  const mac = await board.require(session);
  const id = isSecureDownload ? 0 : await session.flashId();
  return {
    chip: session.target.id,
    chipName: session.target.name,
    mac,
    flashId: `0x${id.toString(16).padStart(6, "0")}`,
    flashBytes: isSecureDownload ? assumedFlashBytes : await session.flashSize(),
    isStub: session.isStub,
    isSecureBoot: session.security?.isSecureBoot ?? false,
    isSecureDownload,
  };
}

export const eraseBegan = "the erase had begun: the flash may be erased in part or whole";
/** Attempts to get through everything that comes before writing. */
const preparationsMax = 3;

/**
 * Runs the job and leaves the port closed.
 * @throws DeviceError with what happened, the likely cause, and what to do next
 */
export async function runFlashJob(job: FlashJob): Promise<FlashResult> {
  const startedMs = job.clock.nowMs();
  const board = new SameBoard();
  const { session, info, regions } = await prepareWithRetries(job, board);
  // The writer ends at places of its own choice, but waits for nobody who wants to end.
  const reconnect = async () => {
    const stateIfInterrupted = writer.state();
    const opened = await EspSession.connect({ ...job, board, stateIfInterrupted }, reappearMs);
    opened.link.interruptOn(undefined);
    return opened;
  };
  const writer: FlashWriter = new FlashWriter(session, info.mac, {
    wasErased: job.eraseAll ?? false,
    reconnect,
    ...(job.skipUnchanged === undefined ? {} : { skipUnchanged: job.skipUnchanged }),
    ...(job.isCompressed === undefined ? {} : { isCompressed: job.isCompressed }),
    ...(job.keeper ? { keeper: job.keeper } : {}),
    ...(job.signal ? { signal: job.signal } : {}),
    ...(job.onProgress ? { onProgress: job.onProgress } : {}),
  });
  try {
    const { regionBytes: _, ...report } = await writer.write(regions, info.flashBytes);
    if (job.readBack) await writer.readBack(regions);
    return {
      ...info,
      ...report,
      recoveries: writer.recoveries,
      address: job.source.address,
      regions: regions.map(({ name, offset, bytes }) => ({ name, offset, size: bytes.length })),
      wasReset: (job.resetAfter ?? true) && (await tryReset(writer.session)),
      elapsedMs: Math.round(job.clock.nowMs() - startedMs),
    };
  } catch (error) {
    const isToRun = isInterruption(error) && writer.isWhole && (job.resetAfter ?? true);
    if (isToRun) await tryReset(writer.session);
    throw error;
  } finally {
    await writer.session.close();
  }
}

interface Prepared {
  readonly session: EspSession;
  readonly info: ChipInfo;
  readonly regions: readonly FlashRegion[];
}

async function prepareWithRetries(job: FlashJob, board: SameBoard): Promise<Prepared> {
  let stateIfInterrupted = "nothing was written";
  const onErase = () => {
    stateIfInterrupted = eraseBegan;
  };
  for (let attempt = 1; ; attempt++) {
    const session = await EspSession.connect(
      { ...job, board, stateIfInterrupted },
      attempt === 1 ? 0 : reappearMs,
    );
    try {
      const prepared = await prepare(job, session, board, onErase);
      session.link.interruptOn(undefined);
      return prepared;
    } catch (error) {
      const isLast = attempt === preparationsMax || !isDeviceError(error, ...recoverable);
      // What is refused leaves the board as it was: running.
      if (isLast && (job.resetAfter ?? true)) await tryReset(session);
      await session.close();
      if (isLast) throw error;
    }
  }
}

/** Everything that can refuse, before anything is erased. */
async function prepare(
  job: FlashJob,
  session: EspSession,
  board: SameBoard,
  onErase: () => void,
): Promise<Prepared> {
  const info = await chipInfo(session, board);
  requireExpected(job, info);
  job.onChip?.(info);
  // Without checksums nobody could tell whether a write arrived.
  session.requireUnlocked("verified flashing");
  const detected = job.setsDetectedSize ? { sizeMegabytes: info.flashBytes / (1 << 20) } : {};
  const settings = { ...job.settings, ...detected };
  const regions = withSettings(job.regions, session.target, settings);
  const currentTable = bringsTable(regions)
    ? undefined
    : await readFlash(session, tableOffset, tableBytes);
  preflight(regions, { target: session.target, flashBytes: info.flashBytes, currentTable });
  if (job.eraseAll) {
    // Before the erase: it may be interrupted and done all the same.
    if (info.mac !== undefined) {
      for (const kept of job.keeper?.keptOf(info.mac) ?? []) job.keeper?.forget(kept);
    }
    session.link.interruptOn(job.signal, eraseBegan);
    onErase();
    await session.eraseAll();
  }
  return { session, info, regions };
}

/** The flash is verified by now: a plug pulled in this moment is no failure of the job. */
export async function tryReset(session: EspSession): Promise<boolean> {
  try {
    await session.hardReset();
    return true;
  } catch (error) {
    if (!isDeviceError(error)) throw error;
    return false;
  }
}

function requireExpected(job: FlashJob, info: ChipInfo): void {
  if (job.expectChip !== undefined && job.expectChip !== info.chip) {
    throw new DeviceError("wrong-board", `expected ${job.expectChip}, found ${info.chipName}`, {
      hint: "godwit devices, then give the right --port or --board",
    });
  }
  if (job.expectMac !== undefined && job.expectMac.toLowerCase() !== info.mac) {
    throw new DeviceError("wrong-board", `expected MAC ${job.expectMac}, found ${info.mac}`, {
      hint: "godwit devices, then give the right --port",
    });
  }
}

/** @throws DeviceError `bad-input` when no region holds the header that the settings belong into */
export function withSettings(
  regions: readonly FlashRegion[],
  target: EspTarget,
  settings: FlashSettings,
): readonly FlashRegion[] {
  if (Object.keys(settings).length === 0) return regions;
  const { bootloaderOffset } = target;
  const isBootloader = ({ offset, bytes }: FlashRegion) =>
    offset === bootloaderOffset && isEspImage(bytes);
  if (!regions.some(isBootloader)) {
    const names = Object.keys(settings).map((name) => settingNames[name as keyof FlashSettings]);
    throw new DeviceError(
      "bad-input",
      `${names.join(" and ")} would change nothing: no bootloader is among the files`,
      { hint: `flash bootloader.bin@${hex(bootloaderOffset)} too, or leave the option out` },
    );
  }
  return regions.map((region) =>
    isBootloader(region)
      ? { ...region, bytes: patchFlashSettings(region.bytes, target, settings) }
      : region,
  );
}

const settingNames: Readonly<Record<keyof FlashSettings, string>> = {
  mode: "the flash mode",
  frequency: "the flash frequency",
  sizeMegabytes: "the flash size",
};
