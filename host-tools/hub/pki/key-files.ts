// Files with secrets: folders 0700, files 0600, written whole or not at all, never replaced.
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { exitCodes, UserError } from "../../user-error.ts";

const privateFolder = 0o700;
const privateFile = 0o600;
const publicFile = 0o644;

/** Creates a folder that only its owner may enter. One that exists is somebody's and stays as it is. */
export function ensureFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: privateFolder });
}

/** Creates a folder of ours that only its owner may enter; tightens it when it exists. */
export function ensurePrivateFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: privateFolder });
  if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, privateFolder);
}

function writeBeside(path: string, text: string, mode: number): string {
  const beside = `${path}.${randomBytes(6).toString("hex")}.new`;
  try {
    writeFileSync(beside, text, { mode, flag: "wx", flush: true });
    return beside;
  } catch (error) {
    // A full disk: the half that fitted is of no use, and it may be half a key.
    rmSync(beside, { force: true });
    throw error;
  }
}

/**
 * Passes an error on; one of the system (permissions, a full disk, a folder where a file should be) as
 * something to act on.
 */
export function fileError(path: string, error: unknown): unknown {
  if (!(error instanceof Error) || !("syscall" in error)) return error;
  return new UserError(`${path} cannot be used: ${error.message}`, {
    code: "data-io",
    exitCode: exitCodes.bench,
    hint: `check owner, permissions and free space: ls -la ${dirname(path)}; df -h ${dirname(path)}`,
    cause: error,
  });
}

/** Writes a file in one step, replacing what was there. */
export function replaceFile(path: string, text: string, secret: boolean): void {
  mkdirSync(dirname(path), { recursive: true, mode: privateFolder });
  renameSync(writeBeside(path, text, secret ? privateFile : publicFile), path);
}

/** Writes a secret file in one step unless it exists; false when somebody was first. */
export function createSecretFile(path: string, text: string): boolean {
  const beside = writeBeside(path, text, privateFile);
  try {
    // A link fails when the name is taken, a rename would silently replace.
    linkSync(beside, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(beside, { force: true });
  }
}

/** Takes reading rights from others when a secret file has them. */
export function tighten(path: string): void {
  if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, privateFile);
}
