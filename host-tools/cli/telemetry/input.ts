// Input and output of the telemetry verbs: files and stdin, and errors about their content.
import { existsSync, readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { GodwitError } from "../../../firmware/codec/error.ts";
import { UserError } from "../../user-error.ts";
import type { Context } from "../command.ts";
import { requireWritable, writeFileOf } from "../files.ts";
import { printable } from "../output.ts";

/** A whole file, or stdin for `-`. @throws UserError naming the file and why it cannot be read */
export function readInput(path: string, cwd: string): Buffer {
  try {
    return readFileSync(path === "-" ? 0 : resolve(cwd, path));
  } catch (cause) {
    const { code = "unreadable" } = cause as NodeJS.ErrnoException;
    throw new UserError(`cannot read ${path}: ${code}`, { code: "input", cause });
  }
}

/** Errors of the codec are about the user's data here, not about godwit. */
export function guarded<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    if (cause instanceof GodwitError)
      throw new UserError(`${path}: ${cause.message}`, { code: cause.code, cause });
    if (cause instanceof UserError)
      throw new UserError(`${path}: ${cause.message}`, {
        code: cause.code,
        exitCode: cause.exitCode,
        ...(cause.hint !== undefined && { hint: cause.hint }),
        cause,
      });
    throw cause;
  }
}

/** Device and inode of what there is at a path; undefined for nothing. */
function identityOf(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  return found?.isFile() ? `${found.dev}/${found.ino}` : undefined;
}

/**
 * Fails before any work when `out` cannot become the output of what is read from `source`.
 * @throws UserError if its folder is missing or closed, or if it is the source
 */
export function checkOut(out: string, source: string, { cwd }: Context): void {
  // What exists may be a device in a folder that nobody may write to.
  if (!existsSync(resolve(cwd, out))) requireWritable(out, { cwd });
  const identity = identityOf(resolve(cwd, out));
  if (source !== "-" && identity !== undefined && identity === identityOf(resolve(cwd, source)))
    throw new UserError(`${out} is the input: writing it would destroy the recording`, {
      code: "output",
      hint: "another --out",
    });
}

/** @throws UserError naming the file and why it cannot be written */
export function writeOut(out: string, bytes: Uint8Array, { cwd }: Context): void {
  writeFileOf(out, bytes, { cwd });
}

/** Tells about damage that does not end the command: an event with --json, else a note. */
export function showDamage({ message, code }: UserError, { output }: Context): void {
  if (output.json) output.result("damaged", { message, code }, "");
  // Messages quote input: a device id must not drive the terminal.
  else output.note(printable(message));
}
