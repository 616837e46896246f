// One job per board: lease files with process id and time to live, because locks on ports do not see each
// other (some tools use flock, some TIOCEXCL, some nothing) and do not survive a re-enumeration.
// Each user has a file of its own per board: nobody has to remove what belongs to another.
import { createHash } from "node:crypto";
import {
  chmodSync,
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { shorten } from "../shorten.ts";
import { DeviceError } from "./error.ts";
import { defaultLeaseFolder, leaseFolders, privateLeaseFolder, userId } from "./lease-folder.ts";

interface LeaseContent {
  readonly board: string;
  readonly pid: number;
  readonly host: string;
  readonly job: string;
  readonly expiresMs: number;
}

export interface LeaseOptions {
  /** What the lease is for; shown to whoever finds the board taken. */
  readonly job: string;
  readonly ttlMs: number;
  /** Shared by all users of the host. */
  readonly folder?: string;
  /** Used when `folder` is not writable. */
  readonly fallbackFolder?: string;
  readonly nowMs?: number;
  readonly pid?: number;
  readonly uid?: number;
  readonly host?: string;
  readonly onNote?: (text: string) => void;
}

export interface Lease {
  /** Extends the lease. */
  renew(nowMs?: number): void;
  /** Never throws. */
  release(): void;
}

/** A lease is a line of JSON; what is larger is none. */
const leaseBytesMax = 4096;

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
    // Others write into the folder too: a pipe would hang us.
    const found = lstatSync(file);
    if (!found.isFile() || found.size > leaseBytesMax) return undefined;
    const content = JSON.parse(readFileSync(file, "utf8")) as Partial<LeaseContent>;
    const { pid, expiresMs, host, job } = content;
    const isWhole =
      Number.isInteger(pid) &&
      pid! > 0 &&
      typeof expiresMs === "number" &&
      typeof host === "string" &&
      typeof job === "string";
    return isWhole ? (content as LeaseContent) : undefined;
  } catch {
    return undefined;
  }
}

/** A process of another host (a shared folder, a container) cannot be asked: its time to live counts. */
function isHeld(held: LeaseContent, host: string, nowMs: number): boolean {
  return held.expiresMs > nowMs && (held.host !== host || isAlive(held.pid));
}

/**
 * Takes the lease of `board` (its stable identity: USB serial, bus path or MAC).
 * A lease whose process is gone or whose time is over counts no more, whoever it belongs to.
 * The lease is released when the process is interrupted.
 * @throws DeviceError `port-busy` naming job and process; `no-permission` when no folder is writable
 */
export function takeLease(board: string, options: LeaseOptions): Lease {
  const { pid = process.pid, uid = userId(), host = hostname(), nowMs = Date.now() } = options;
  const folders = leaseFolders(
    options.folder ?? defaultLeaseFolder,
    options.fallbackFolder ?? privateLeaseFolder(uid),
    options.onNote ?? (() => undefined),
  );
  const digest = createHash("sha256").update(board).digest("hex").slice(0, 24);
  const name = `${digest}.${uid}.json`;
  const file = join(folders.own, name);
  const content = (atMs: number): string =>
    JSON.stringify({ board, pid, host, job: options.job, expiresMs: atMs + options.ttlMs });
  const isTaken = (held: LeaseContent) => isHeld(held, host, nowMs);
  claim(file, board, content(nowMs), isTaken);
  // Only once ours lies there: of two users who come at once, at least one sees the other.
  const foreign = othersOf(folders.shared, digest, name).find(isTaken);
  if (foreign) {
    rmSync(file, { force: true });
    throw busy(board, foreign);
  }
  const remove = () => {
    if (read(file)?.pid === pid) rmSync(file, { force: true });
  };
  const forget = onEndOfProcess(remove);
  return {
    renew: (at = Date.now()) => writeFileSync(file, content(at)),
    release: () => {
      forget();
      remove();
    },
  };
}

function othersOf(folder: string, digest: string, own: string): readonly LeaseContent[] {
  try {
    return readdirSync(folder)
      .filter((name) => name !== own && new RegExp(`^${digest}\\.\\d+\\.json$`).test(name))
      .flatMap((name) => read(join(folder, name)) ?? []);
  } catch {
    return [];
  }
}

/** Calls `work` when the process is interrupted or leaves; returns how to call that off. */
function onEndOfProcess(work: () => void): () => void {
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const onSignal = (signal: NodeJS.Signals) => {
    work();
    forget();
    // Our listener took the place of the system's answer; with others present it is theirs to give.
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  };
  const forget = () => {
    for (const signal of signals) process.removeListener(signal, onSignal);
    process.removeListener("exit", work);
  };
  for (const signal of signals) process.on(signal, onSignal);
  process.on("exit", work);
  return forget;
}

const claimsMax = 3;

function claim(
  file: string,
  board: string,
  text: string,
  isTaken: (held: LeaseContent) => boolean,
): void {
  for (let attempt = 0; attempt < claimsMax; attempt++) {
    try {
      // Creating is atomic: of two jobs one gets EEXIST.
      writeFileSync(file, text, { flag: "wx" });
      // Other users have to read it, whatever the umask says.
      chmodSync(file, 0o644);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw notWritable(file, error);
    }
    const held = read(file);
    if (held && isTaken(held)) throw busy(board, held);
    // Moving is atomic too: only one of several takers moves the stale lease away.
    try {
      renameSync(file, `${file}.${process.pid}.stale`);
      rmSync(`${file}.${process.pid}.stale`, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw notWritable(file, error);
    }
  }
  throw new DeviceError("port-busy", `${board} is being taken by other jobs`, {
    hint: "run the same command again",
  });
}

function notWritable(file: string, cause: unknown): DeviceError {
  return new DeviceError("no-permission", `the lease ${file} cannot be written`, {
    hint: "check who owns that file and its folder, and that the disk has room",
    cause,
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
