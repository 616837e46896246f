// From an application into the RP2040's BOOTSEL mode, and a whole UF2 job.
import { type HostClock, sleep } from "../../serial/clock.ts";
import { DeviceError, isDeviceError } from "../../serial/error.ts";
import type { PortSource, SerialLines } from "../../serial/port.ts";
import {
  type BootselDrive,
  type DriveFiles,
  findDrives,
  waitForDrive,
  writeDrive,
} from "./drive.ts";
import { parseUf2, requireUf2For } from "./uf2.ts";

const ordinaryBaud = 115_200;
const touchBaud = 1200;
const driveMs = 8000;
/** How long the application may need to enumerate again. */
const comeBackMs = 10_000;
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
  write(drive: BootselDrive, bytes: Uint8Array): Promise<void>;
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
  readonly clock: HostClock;
  readonly files: DriveFiles;
  /** The application's port; undefined when the board is in BOOTSEL mode already. */
  readonly source?: PortSource;
  /** Other way of writing than copying to the drive. */
  readonly writer?: BootselWriter;
  readonly onStep?: (step: string) => void;
}

export interface Uf2Result {
  readonly chip: string;
  readonly boardId: string;
  readonly drive: string;
  readonly bytes: number;
  /** True when the application's port came back; undefined when there was none to wait for. */
  readonly cameBack: boolean | undefined;
  readonly elapsedMs: number;
}

/**
 * Checks the file, finds or makes a BOOTSEL drive, writes, waits for the board to leave and to come back.
 * @throws DeviceError `bad-input`, `wrong-chip`, `no-device`, `ambiguous-device`, `no-bootloader`,
 * `verify-failed`
 */
export async function runUf2Job(job: Uf2Job): Promise<Uf2Result> {
  const startedMs = job.clock.nowMs();
  const file = parseUf2(job.bytes, job.name);
  const drive = await obtainDrive(job);
  requireUf2For(file, drive.chip, job.name);
  job.onStep?.(`writing ${job.name} to ${drive.path} (${drive.boardId})`);
  if (job.writer) await job.writer.write(drive, job.bytes);
  else await writeDrive(job.files, job.clock, drive, job.bytes);
  const cameBack = job.source ? await waitForPort(job.source, job.clock) : undefined;
  return {
    chip: drive.chip,
    boardId: drive.boardId,
    drive: drive.path,
    bytes: job.bytes.length,
    cameBack,
    elapsedMs: job.clock.nowMs() - startedMs,
  };
}

async function obtainDrive(job: Uf2Job): Promise<BootselDrive> {
  const drives = findDrives(job.files);
  if (!job.source) {
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
  const before = drives.map((drive) => drive.path);
  for (const entry of ["touch-1200", "moddable"] as const) {
    job.onStep?.(`entering BOOTSEL (${entry})`);
    await enterBootsel(job.source, job.clock, entry);
    const drive = await waitForDrive(job.files, job.clock, before, driveMs);
    if (drive) return drive;
  }
  throw new DeviceError(
    "no-bootloader",
    `${job.source.address} did not turn into a BOOTSEL drive`,
    {
      hint: "hold BOOTSEL while plugging the board in; on Linux without a desktop, mount the drive first",
    },
  );
}

async function waitForPort(source: PortSource, clock: HostClock): Promise<boolean> {
  const deadlineMs = clock.nowMs() + comeBackMs;
  while (clock.nowMs() < deadlineMs) {
    try {
      const port = await source.open(ordinaryBaud, { onData: () => {}, onClose: () => {} });
      await port.close();
      return true;
    } catch (error) {
      if (!isDeviceError(error)) throw error;
    }
    await sleep(clock, comeBackPollMs);
  }
  return false;
}
