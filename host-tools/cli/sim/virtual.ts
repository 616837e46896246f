// `godwit sim --virtual`: days in seconds, in a simulated world that its seed repeats exactly.
import { UserError } from "../../user-error.ts";
import type { Context } from "../command.ts";
import type { SimOptions } from "./options.ts";

export async function simulateVirtually(
  _context: Context,
  _appDir: string,
  _options: SimOptions,
): Promise<void> {
  throw new UserError("not yet");
}
