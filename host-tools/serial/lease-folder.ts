// Where leases lie: one folder for everybody on the host, a private one where that cannot be written.
import { accessSync, chmodSync, constants, lstatSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DeviceError } from "./error.ts";

export const defaultLeaseFolder = join(tmpdir(), "godwit-leases");

/** Numeric user; systems without one have a temporary folder per user anyway. */
export function userId(): number {
  return process.getuid?.() ?? 0;
}

/** A folder of this user alone: `XDG_RUNTIME_DIR` is one, else the temporary folder holds one. */
export function privateLeaseFolder(uid: number): string {
  const runtime = process.env.XDG_RUNTIME_DIR;
  return runtime ? join(runtime, "godwit-leases") : join(tmpdir(), `godwit-leases-${uid}`);
}

/** Everybody on the host may keep leases in the shared folder; only the owner of one may remove it. */
const sharedMode = 0o1777;
const privateMode = 0o700;

export interface LeaseFolders {
  /** Read for the leases of others. */
  readonly shared: string;
  readonly own: string;
}

/**
 * Makes the folders. `onNote` hears of a shared folder that cannot be used.
 * @throws DeviceError `no-permission` when there is no place at all
 */
export function leaseFolders(
  shared: string,
  fallback: string,
  onNote: (text: string) => void,
): LeaseFolders {
  const cause = unusable(shared, sharedMode);
  if (cause === undefined) return { shared, own: shared };
  const worse = unusable(fallback, privateMode);
  if (worse !== undefined) {
    throw new DeviceError("no-permission", `no lease can be kept in ${shared} or ${fallback}`, {
      hint: `make one of them writable, or set XDG_RUNTIME_DIR to a folder of yours`,
      cause: worse,
    });
  }
  onNote(`${shared} is not writable: jobs of other users may not see that this board is taken`);
  return { shared, own: fallback };
}

/** Why `folder` cannot take leases; undefined when it can. */
function unusable(folder: string, mode: number): unknown {
  try {
    mkdirSync(folder, { recursive: true });
    const found = lstatSync(folder);
    const isOurs = found.uid === userId();
    // A link, or somebody else's private folder, could be meant to catch our files.
    if (!found.isDirectory() || (mode === privateMode && !isOurs)) return new Error("not ours");
    // The first one's umask decided the mode.
    if (isOurs && (found.mode & 0o7777) !== mode) chmodSync(folder, mode);
    accessSync(folder, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return error;
  }
}
