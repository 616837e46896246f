// Input of the telemetry verbs: files and stdin, and errors about their content.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { GodwitError } from "../../../firmware/codec/error.ts";
import { UserError } from "../../user-error.ts";

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
