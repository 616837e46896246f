/** The last line of defence: what escapes a callback of the SDK ends the virtual machine, so nothing may. */
import type { Log } from "../../ports/log.ts";

/** Runs `action`; what it throws is logged and gone. */
export function guard(log: Log, action: () => void): void {
  try {
    action();
  } catch (error) {
    log("error", `escaped: ${String(error)}`);
  }
}
