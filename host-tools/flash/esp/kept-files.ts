// The keeper of shared sectors on disk: one private file per board and sector, written whole or not at all.
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { DeviceError } from "../../serial/error.ts";
import { explainingSystem } from "../../system-error.ts";
import { isKeptSector, type KeptSector, type SectorKeeper } from "./keeper.ts";

/** XDG base directories: state that shall outlive a restart but belongs to no project. */
export function keptFolder(env: Readonly<Record<string, string | undefined>>): string {
  const state = env.XDG_STATE_HOME || env.LOCALAPPDATA || join(homedir(), ".local", "state");
  return join(state, "godwit", "flash");
}

export function keptFiles(folder: string): SectorKeeper {
  const prefix = (mac: string) => `${mac.replaceAll(":", "")}-`;
  const fileOf = ({ mac, offset }: Pick<KeptSector, "mac" | "offset">) =>
    join(folder, `${prefix(mac)}${offset.toString(16)}.json`);
  return {
    keep(sector) {
      const file = fileOf(sector);
      acting(folder, () => {
        mkdirSync(folder, { recursive: true, mode: 0o700 });
        writeWhole(file, encode(sector));
      });
      return file;
    },
    keptOf(mac) {
      return acting(folder, () => namesIn(folder))
        .filter((name) => name.startsWith(prefix(mac)) && name.endsWith(".json"))
        .map((name) => decode(join(folder, name), mac));
    },
    forget: (sector) => acting(folder, () => rmSync(fileOf(sector), { force: true })),
    setAside(sector) {
      const file = fileOf(sector);
      const aside = `${file}.${Date.now()}.aside`;
      acting(folder, () => renameSync(file, aside));
      return aside;
    },
  };
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** On the disk before the flash is erased, or not there at all. */
function writeWhole(file: string, text: string): void {
  const handle = openSync(`${file}.new`, "w", 0o600);
  try {
    writeSync(handle, text);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(`${file}.new`, file);
}

function encode({ bytes, ...rest }: KeptSector): string {
  return JSON.stringify({ ...rest, bytes: Buffer.from(bytes).toString("base64") });
}

function decode(file: string, mac: string): KeptSector {
  try {
    const { bytes, ...rest } = JSON.parse(readFileSync(file, "utf8"));
    const sector = { ...rest, mac, bytes: new Uint8Array(Buffer.from(bytes, "base64")) };
    if (isKeptSector(sector)) return sector;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
  }
  throw new DeviceError("bad-input", `${file} holds no sector of a flash`, {
    hint: "it was damaged: remove it, then run the same command again",
  });
}

function acting<T>(folder: string, work: () => T): T {
  return explainingSystem(work, (cause) => {
    const what = `bytes beside a region cannot be kept in ${folder}: ${cause.message}`;
    const hint = "set XDG_STATE_HOME to a folder where you may write";
    return new DeviceError("bad-input", what, { hint, cause });
  });
}
