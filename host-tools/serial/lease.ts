// One job per board: a lease file with process id and time to live, because locks on ports do not see each
// other (some tools use flock, some TIOCEXCL, some nothing) and do not survive a re-enumeration.
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { shorten } from "../shorten.ts";
import { DeviceError } from "./error.ts";

interface LeaseContent {
  readonly board: string;
  readonly pid: number;
  readonly job: string;
  readonly expiresMs: number;
}

export interface LeaseOptions {
  /** What the lease is for; shown to whoever finds the board taken. */
  readonly job: string;
  readonly ttlMs: number;
  readonly folder?: string;
  readonly nowMs?: number;
  readonly pid?: number;
}

export interface Lease {
  /** Extends the lease. */
  renew(nowMs?: number): void;
  /** Never throws. */
  release(): void;
}

export const defaultLeaseFolder = join(tmpdir(), "godwit-leases");

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function read(file: string): LeaseContent | undefined {
  try {
    const content = JSON.parse(readFileSync(file, "utf8")) as Partial<LeaseContent>;
    const isWhole = typeof content.pid === "number" && typeof content.expiresMs === "number";
    return isWhole ? (content as LeaseContent) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Takes the lease of `board` (its stable identity: USB serial, bus path or MAC).
 * A lease whose process is gone or whose time is over is taken over.
 * @throws DeviceError `port-busy` naming job and process
 */
export function takeLease(board: string, options: LeaseOptions): Lease {
  const folder = options.folder ?? defaultLeaseFolder;
  const pid = options.pid ?? process.pid;
  prepareFolder(folder);
  const digest = createHash("sha256").update(board).digest("hex").slice(0, 24);
  const file = join(folder, `${digest}.json`);
  const content = (nowMs: number): string =>
    JSON.stringify({ board, pid, job: options.job, expiresMs: nowMs + options.ttlMs });
  const nowMs = options.nowMs ?? Date.now();
  claim(file, board, content(nowMs), nowMs);
  return {
    renew: (at = Date.now()) => writeFileSync(file, content(at)),
    release: () => {
      if (read(file)?.pid === pid) rmSync(file, { force: true });
    },
  };
}

const claimsMax = 3;

/** Everybody on the host may take leases; only the owner of one may remove it (sticky bit). */
function prepareFolder(folder: string): void {
  if (mkdirSync(folder, { recursive: true }) === undefined) return;
  chmodSync(folder, 0o1777);
}

function isForbidden(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "EACCES" || code === "EPERM";
}

function notOurs(board: string, file: string, cause: unknown): DeviceError {
  return new DeviceError("port-busy", `the lease of ${board} belongs to another user`, {
    hint: `if nobody uses the board, ask its owner (or root) to remove ${file}`,
    cause,
  });
}

function claim(file: string, board: string, text: string, nowMs: number): void {
  for (let attempt = 0; attempt < claimsMax; attempt++) {
    try {
      // Creating is atomic: of two jobs one gets EEXIST.
      writeFileSync(file, text, { flag: "wx" });
      return;
    } catch (error) {
      if (isForbidden(error)) throw notOurs(board, file, error);
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const held = read(file);
    if (held && held.expiresMs > nowMs && isAlive(held.pid)) throw busy(board, held);
    // Moving is atomic too: only one of several takers moves the stale lease away.
    try {
      renameSync(file, `${file}.${process.pid}.stale`);
      rmSync(`${file}.${process.pid}.stale`, { force: true });
    } catch (error) {
      if (isForbidden(error)) throw notOurs(board, file, error);
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  throw new DeviceError("port-busy", `${board} is being taken by other jobs`, {
    hint: "run the same command again",
  });
}

function busy(board: string, held: LeaseContent): DeviceError {
  return new DeviceError(
    "port-busy",
    `${board} is leased to '${shorten(held.job)}' (process ${held.pid})`,
    {
      hint: "wait for that job, or choose another board: godwit devices",
    },
  );
}
