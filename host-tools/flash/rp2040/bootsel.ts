// From an application into the RP2040's BOOTSEL mode, and a whole UF2 job.
import { type HostClock, sleep } from "../../serial/clock.ts";
import { DeviceError, isDeviceError } from "../../serial/error.ts";
import type { PortSource, SerialLines } from "../../serial/port.ts";
import { isThere } from "../../serial/source.ts";
import { interrupted } from "../../user-error.ts";
import {
  type BootselDrive,
  type DriveFiles,
  findDrives,
  waitForDrive,
  writeDrive,
} from "./drive.ts";
import { parseUf2, preflightUf2, type RpChip, requireUf2For, type Uf2File } from "./uf2.ts";

const ordinaryBaud = 115_200;
const touchBaud = 1200;
const driveMs = 8000;
/** How long the application may need to enumerate again. */
const comeBackMs = 10_000;
/** The same where nothing but a new port would tell. */
const lookMs = 3000;
const comeBackPollMs = 200;

/** Ways into BOOTSEL from a running application; each firmware knows one of them. */
export type BootselEntry = "touch-1200" | "moddable";

/** Moddable's firmware reboots into the ROM on this play of the lines. */
const moddableSteps: readonly (SerialLines & { delayMs: number })[] = [
  { dtr: true, rts: true, delayMs: 10 },
  { dtr: false, rts: true, delayMs: 100 },
  { dtr: true, rts: false, delayMs: 50 },
  { dtr: false, rts: false, delayMs: 0 },
];

const touchSteps = [{ dtr: false, rts: false, delayMs: 50 }] as const;

/** Another way to write flash without a drive; the seam for PICOBOOT over USB. */
export interface BootselWriter {
  /** Resolves when the board has left; with the error when it left with one. */
  write(drive: BootselDrive, bytes: Uint8Array): Promise<unknown>;
}

/** Asks the application to leave. The port usually vanishes while we do: that is success. */
export async function enterBootsel(
  source: PortSource,
  clock: HostClock,
  entry: BootselEntry,
): Promise<void> {
  let isGone = false;
  // At an ordinary speed first: it proves that somebody is there, before the touch makes it vanish.
  const port = await source.open(ordinaryBaud, {
    onData: () => {},
    onClose: () => {
      isGone = true;
    },
  });
  try {
    if (entry === "touch-1200") await port.setBaud(touchBaud);
    const steps = entry === "touch-1200" ? touchSteps : moddableSteps;
    for (const { dtr, rts, delayMs } of steps) {
      if (isGone) break;
      await port.setLines({ dtr, rts });
      await sleep(clock, delayMs);
    }
  } catch (error) {
    if (!isDeviceError(error, "port-gone", "no-device", "no-reply")) throw error;
  } finally {
    await port.close();
  }
}

export interface Uf2Job {
  readonly bytes: Uint8Array;
  readonly name: string;
  /** The file as it was named, for the command that a hint gives. */
  readonly path?: string;
  readonly clock: HostClock;
  readonly files: DriveFiles;
  /** The chip that must be there, when it is known; files for another are refused before anything happens. */
  readonly chip?: RpChip | undefined;
  /** The application's port; undefined when the board is in BOOTSEL mode already. */
  readonly source?: PortSource;
  /** Whether the board runs again; default: whether `source` can be opened. */
  readonly isBack?: () => Promise<boolean>;
  /** Default true: a board that does not come back is an error. */
  readonly awaitsReturn?: boolean;
  /**
   * True: an error with which the drive ended is an error of the job, even if the board came back. Default
   * false: many systems report one when the boot ROM ejects its drive.
   */
  readonly needsProof?: boolean;
  /** Other way of writing than copying to the drive. */
  readonly writer?: BootselWriter;
  /** Ends the job when it is aborted: while it waits, never within the file. */
  readonly signal?: AbortSignal;
  readonly onStep?: (step: string) => void;
}

export interface Uf2Result {
  readonly chip: string;
  readonly boardId: string;
  readonly drive: string;
  readonly bytes: number;
  /** True when the board was seen running again; undefined when nothing tells or nobody asked. */
  readonly cameBack: boolean | undefined;
  /** The drive ended with an error: an eject, or a plug pulled within the last piece and put back. */
  readonly hadLateError: boolean;
  readonly elapsedMs: number;
}

/**
 * Checks the file, finds or makes a BOOTSEL drive, writes, waits for the board to leave and to come back.
 * @throws DeviceError `bad-input`, `wrong-chip`, `no-device`, `ambiguous-device`, `no-bootloader`,
 * `verify-failed`, `no-reply` when the board took the file and did not come back
 */
export async function runUf2Job(job: Uf2Job): Promise<Uf2Result> {
  const startedMs = job.clock.nowMs();
  const file = parseUf2(job.bytes, job.name);
  preflightUf2(file, job.name, job.chip);
  const drive = await obtainDrive(job);
  requireTaker(file, drive, job);
  stopIfInterrupted(job, inBootsel);
  job.onStep?.(`writing ${job.name} to ${drive.path} (${drive.boardId})`);
  const lateError = job.writer
    ? await job.writer.write(drive, job.bytes)
    : await writeDrive(job.files, job.clock, drive, job.bytes, () =>
        stopIfInterrupted(job, "the file was copied, the board has not taken it yet"),
      );
  return {
    chip: drive.chip,
    boardId: drive.boardId,
    drive: drive.path,
    bytes: job.bytes.length,
    cameBack: await comeBack(job, drive, lateError),
    hadLateError: lateError !== undefined,
    elapsedMs: Math.round(job.clock.nowMs() - startedMs),
  };
}

const inBootsel = "nothing was written, but the board may wait in BOOTSEL mode";

function stopIfInterrupted({ signal }: Uf2Job, state: string): void {
  if (signal?.aborted) throw interrupted(state);
}

/** The drive tells the chip at last. Nothing is written yet, but the application may have been stopped. */
function requireTaker(file: Uf2File, drive: BootselDrive, job: Uf2Job): void {
  try {
    requireUf2For(file, drive.chip, job.name);
  } catch (error) {
    if (!isDeviceError(error, "wrong-chip") || !job.source) throw error;
    throw new DeviceError("wrong-chip", error.message, {
      hint: `unplug the board and plug it in to start its old firmware; then build for ${drive.chip}`,
      cause: error,
    });
  }
}

async function obtainDrive(job: Uf2Job): Promise<BootselDrive> {
  const drives = findDrives(job.files);
  stopIfInterrupted(job, "nothing was written");
  if (!job.source) return onlyDrive(drives);
  const before = drives.map((drive) => drive.path);
  for (const entry of ["touch-1200", "moddable"] as const) {
    job.onStep?.(`entering BOOTSEL (${entry})`);
    try {
      await enterBootsel(job.source, job.clock, entry);
    } catch (error) {
      throw isDeviceError(error, "no-device")
        ? portIsGone(error, job.path ?? job.name, before)
        : error;
    }
    const drive = await waitForDrive(job.files, job.clock, before, driveMs, () =>
      stopIfInterrupted(job, inBootsel),
    );
    if (drive) return drive;
  }
  throw new DeviceError(
    "no-bootloader",
    `${job.source.address} did not turn into a BOOTSEL drive`,
    {
      hint: "hold BOOTSEL while plugging the board in; if its drive is mounted elsewhere: --drive <path>",
    },
  );
}

function onlyDrive(drives: readonly BootselDrive[]): BootselDrive {
  if (drives.length === 1) return drives[0]!;
  if (drives.length === 0) {
    throw new DeviceError("no-device", "no board in BOOTSEL mode", {
      hint: "hold BOOTSEL while plugging the board in, or give the --port of its application",
    });
  }
  const places = drives.map((drive) => drive.path).join(", ");
  throw new DeviceError("ambiguous-device", `several boards in BOOTSEL mode: ${places}`, {
    hint: "unplug all but one, or name one with --drive <path>",
  });
}

/** A board that was left in BOOTSEL mode has no port. Which drive is its, only a person can tell. */
function portIsGone(cause: DeviceError, path: string, drives: readonly string[]): DeviceError {
  const place = drives.length === 1 ? drives[0] : "<path of its drive>";
  const others = drives.length > 1 ? ` (one of ${drives.join(", ")})` : "";
  return new DeviceError("no-device", cause.message, {
    hint: `if the board is in BOOTSEL mode already: godwit flash ${path} --drive ${place}${others}`,
    cause,
  });
}

/**
 * A drive that vanished was ejected by the boot ROM, or unplugged: an error at the end fits both. So the board
 * has to show up again.
 */
async function comeBack(
  job: Uf2Job,
  drive: BootselDrive,
  lateError: unknown,
): Promise<boolean | undefined> {
  const { source } = job;
  if (lateError !== undefined && job.needsProof) {
    throw new DeviceError(
      "verify-failed",
      `${drive.path} reported an error at its end: nothing proves that the last bytes arrived`,
      {
        hint: "run the same command again; without --verify it is enough that the board comes back",
        cause: lateError,
      },
    );
  }
  const isBack = job.isBack ?? (source ? () => isThere(source) : undefined);
  const isAsked = (job.awaitsReturn ?? true) || lateError !== undefined;
  const withinMs = source || lateError !== undefined ? comeBackMs : lookMs;
  if (isAsked && isBack && (await waitUntilBack(isBack, job, withinMs))) return true;
  if (lateError !== undefined) {
    throw new DeviceError(
      "verify-failed",
      `${drive.path} vanished with an error, and the board did not come back`,
      {
        hint: "plug the board in with BOOTSEL held, then run the same command again",
        cause: lateError,
      },
    );
  }
  if (!isAsked || !source) return undefined;
  throw new DeviceError(
    "no-reply",
    `the board took ${job.name}, but ${source.address} did not come back`,
    {
      hint: "look at the board; --no-after skips this check for firmware without a serial port",
    },
  );
}

async function waitUntilBack(
  isBack: () => Promise<boolean>,
  job: Uf2Job,
  withinMs: number,
): Promise<boolean> {
  const { clock } = job;
  const deadlineMs = clock.nowMs() + withinMs;
  while (clock.nowMs() < deadlineMs) {
    stopIfInterrupted(job, "the board took the file, but was not seen to come back");
    if (await isBack()) return true;
    await sleep(clock, comeBackPollMs);
  }
  return false;
}
