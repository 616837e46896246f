// One job per board: a lease file with process id and time to live, because locks on ports do not see each
// other (some tools use flock, some TIOCEXCL, some nothing) and do not survive a re-enumeration.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
  mkdirSync(folder, { recursive: true, mode: 0o777 });
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

function claim(file: string, board: string, text: string, nowMs: number): void {
  for (let attempt = 0; attempt < claimsMax; attempt++) {
    try {
      // Creating is atomic: of two jobs one gets EEXIST.
      writeFileSync(file, text, { flag: "wx" });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const held = read(file);
    if (held && held.expiresMs > nowMs && isAlive(held.pid)) throw busy(board, held);
    // Moving is atomic too: only one of several takers moves the stale lease away.
    try {
      renameSync(file, `${file}.${process.pid}.stale`);
      rmSync(`${file}.${process.pid}.stale`, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  throw new DeviceError("port-busy", `${board} is being taken by other jobs`, {
    hint: "run the same command again",
  });
}

function busy(board: string, held: LeaseContent): DeviceError {
  return new DeviceError("port-busy", `${board} is leased to '${held.job}' (process ${held.pid})`, {
    hint: "wait for that job, or choose another board: godwit devices",
  });
}
