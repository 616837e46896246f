// The BOOTSEL drive of an RP2040 or RP2350: found by its INFO_UF2.TXT, written, watched until it vanishes.
import {
  closeSync,
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
  /** Writes and flushes to the device. May throw when the device ejects itself at the end. */
  write(path: string, bytes: Uint8Array): void;
  exists(path: string): boolean;
}

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

/** Waits for a drive that was not there before. Undefined when none came. */
export async function waitForDrive(
  files: DriveFiles,
  clock: HostClock,
  before: readonly string[],
  withinMs: number,
): Promise<BootselDrive | undefined> {
  const deadlineMs = clock.nowMs() + withinMs;
  for (;;) {
    const fresh = findDrives(files).find((drive) => !before.includes(drive.path));
    if (fresh || clock.nowMs() >= deadlineMs) return fresh;
    await sleep(clock, pollMs);
  }
}

/**
 * Copies a file onto the drive and waits until the drive has gone. Gives the error with which that happened:
 * an eject at the last block looks like a pulled plug.
 * @throws DeviceError `verify-failed` when the drive stays: the ROM refused the file
 */
export async function writeDrive(
  files: DriveFiles,
  clock: HostClock,
  drive: BootselDrive,
  bytes: Uint8Array,
): Promise<unknown> {
  let failure: unknown;
  try {
    files.write(join(drive.path, "firmware.uf2"), bytes);
  } catch (error) {
    failure = error;
  }
  const deadlineMs = clock.nowMs() + vanishMs;
  while (files.exists(join(drive.path, infoFile))) {
    if (clock.nowMs() >= deadlineMs) throw stayed(drive, failure);
    await sleep(clock, pollMs);
  }
  return failure;
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
    write: (path, bytes) => {
      const file = openSync(path, "w");
      try {
        for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
    },
  };
}

function quietly<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
