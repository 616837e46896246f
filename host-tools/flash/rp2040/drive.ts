// The BOOTSEL drive of an RP2040 or RP2350: found by its INFO_UF2.TXT, written, watched until it vanishes.
import {
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  writeSync,
} from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { type HostClock, sleep } from "../../serial/clock.ts";
import { DeviceError } from "../../serial/error.ts";
import type { RpChip } from "./uf2.ts";

export const infoFile = "INFO_UF2.TXT";
const infoBytesMax = 4096;
const pollMs = 100;
/** Small enough that "all but the last piece" is nearly everything. */
const pieceBytes = 16 * 1024;
/** The ROM reboots as soon as the last block is there. */
const vanishMs = 20_000;

export interface BootselDrive {
  readonly path: string;
  readonly chip: RpChip;
  readonly bootloader: string;
  readonly boardId: string;
}

/** What the drive logic needs of a file system; tests bring a virtual one. */
export interface DriveFiles {
  /** Folders under which removable drives appear, or the drives themselves. */
  roots(): readonly string[];
  /** Names in a folder; empty when it cannot be read. */
  list(folder: string): readonly string[];
  /** Undefined when the file cannot be read. */
  read(path: string): string | undefined;
  /**
   * Writes and flushes to the device, piece by piece.
   * @throws LateWriteError when all but the last piece had arrived; any other error before
   */
  write(path: string, bytes: Uint8Array): void;
  exists(path: string): boolean;
}

/** The end of a file failed: the boot ROM ejects its drive with the last block, so that is common. */
export class LateWriteError extends Error {}

/** Reads INFO_UF2.TXT; undefined when it is not from one of our chips. */
export function parseInfo(path: string, text: string): BootselDrive | undefined {
  const field = (name: string) => new RegExp(`^${name}:\\s*(.+?)\\s*$`, "m").exec(text)?.[1] ?? "";
  const boardId = field("Board-ID");
  const model = field("Model");
  const bootloader = /^UF2 Bootloader.*$/m.exec(text)?.[0]?.trim() ?? "";
  const chip = /RP2350/.test(`${boardId} ${model}`)
    ? "rp2350"
    : /RP2040|RPI-RP2|RP2\b/.test(`${boardId} ${model}`)
      ? "rp2040"
      : undefined;
  return chip && bootloader ? { path, chip, bootloader, boardId } : undefined;
}

/** Every BOOTSEL drive that is mounted now. */
export function findDrives(files: DriveFiles): readonly BootselDrive[] {
  const candidates = files
    .roots()
    .flatMap((root) => [root, ...files.list(root).map((name) => join(root, name))]);
  return candidates.flatMap((path) => {
    const text = files.read(join(path, infoFile));
    const drive = text === undefined ? undefined : parseInfo(path, text.slice(0, infoBytesMax));
    return drive ? [drive] : [];
  });
}

/** Waits for a drive that was not there before. Undefined when none came. What `onPoll` throws ends the wait. */
export async function waitForDrive(
  files: DriveFiles,
  clock: HostClock,
  before: readonly string[],
  withinMs: number,
  onPoll: () => void = () => {},
): Promise<BootselDrive | undefined> {
  const deadlineMs = clock.nowMs() + withinMs;
  for (;;) {
    onPoll();
    const fresh = findDrives(files).find((drive) => !before.includes(drive.path));
    if (fresh || clock.nowMs() >= deadlineMs) return fresh;
    await sleep(clock, pollMs);
  }
}

/**
 * Copies a file onto the drive and waits until the drive has gone. Gives the error with which its end came:
 * an eject at the last block looks like a pulled plug.
 * @throws DeviceError `verify-failed` when the drive stays (the ROM refused the file) or vanished half-written
 */
export async function writeDrive(
  files: DriveFiles,
  clock: HostClock,
  drive: BootselDrive,
  bytes: Uint8Array,
  onPoll: () => void = () => {},
): Promise<LateWriteError | undefined> {
  let failure: unknown;
  try {
    files.write(join(drive.path, "firmware.uf2"), bytes);
  } catch (error) {
    failure = error;
  }
  const deadlineMs = clock.nowMs() + vanishMs;
  while (files.exists(join(drive.path, infoFile))) {
    onPoll();
    if (clock.nowMs() >= deadlineMs) throw stayed(drive, failure);
    await sleep(clock, pollMs);
  }
  if (failure === undefined || failure instanceof LateWriteError) return failure;
  throw new DeviceError("verify-failed", `${drive.path} vanished in the middle of the file`, {
    hint: "plug the board in with BOOTSEL held, then run the same command again",
    cause: failure,
  });
}

function stayed(drive: BootselDrive, cause: unknown): DeviceError {
  const what = cause ? `writing to ${drive.path} failed` : `the board did not take the file`;
  return new DeviceError("verify-failed", `${what}: the drive ${drive.path} is still there`, {
    hint: "unplug the board, hold BOOTSEL while plugging it in, run the same command again",
    cause,
  });
}

/** Where this operating system mounts removable drives. */
export function driveRoots(platform: NodeJS.Platform, user: string): readonly string[] {
  if (platform === "darwin") return ["/Volumes"];
  if (platform === "win32") return [..."DEFGHIJKLMNOPQRSTUVWXYZ"].map((letter) => `${letter}:\\`);
  return [`/media/${user}`, `/run/media/${user}`, "/media", "/mnt"];
}

/** The real file system. A drive that is named is the only one: another board's is never taken for it. */
export function systemDriveFiles(named?: string): DriveFiles {
  return {
    roots: () => (named ? [named] : driveRoots(process.platform, userInfo().username)),
    list: (folder) => quietly(() => readdirSync(folder)) ?? [],
    read: (path) => quietly(() => readFileSync(path, "utf8")),
    exists: (path) => existsSync(path),
    write: writePieces,
  };
}

/** Each piece reaches the device before the next: so an error tells where the file ends on the board. */
function writePieces(path: string, bytes: Uint8Array): void {
  const { O_WRONLY, O_CREAT, O_TRUNC } = constants;
  // Windows has no such flag; there the flush at the end is what fails.
  const file = openSync(path, O_WRONLY | O_CREAT | O_TRUNC | (constants.O_DSYNC ?? 0));
  let written = 0;
  try {
    while (written < bytes.length) {
      const count = Math.min(pieceBytes, bytes.length - written);
      written += writeSync(file, bytes, written, count);
    }
    fsyncSync(file);
    closeSync(file);
  } catch (cause) {
    quietly(() => closeSync(file));
    const isLate = written >= bytes.length - pieceBytes;
    throw isLate ? new LateWriteError("the end of the file failed", { cause }) : cause;
  }
}

function quietly<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
