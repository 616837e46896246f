// Every byte of a job read back after the last write: a break costs one piece of it, not the job.
import { DeviceError } from "../../serial/error.ts";
import { readFlash } from "./read.ts";
import { type FlashRegion, hex } from "./regions.ts";
import type { SteadySession } from "./steady.ts";

const pieceBytes = 64 * 1024;

/**
 * @param onPiece called before each piece; what it throws ends the job
 * @throws DeviceError `verify-failed` where flash and file differ, or what broke the line for good
 */
export async function requireReadBack(
  line: SteadySession,
  regions: readonly FlashRegion[],
  onPiece: (doneBytes: number, totalBytes: number) => void,
): Promise<void> {
  const totalBytes = regions.reduce((sum, { bytes }) => sum + bytes.length, 0);
  let doneBytes = 0;
  for (const { name, offset, bytes } of regions) {
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      onPiece(doneBytes, totalBytes);
      const wanted = bytes.subarray(at, at + pieceBytes);
      const read = await line.persist((session) => readFlash(session, offset + at, wanted.length));
      const wrong = read.findIndex((byte, index) => byte !== wanted[index]);
      if (wrong >= 0) {
        throw new DeviceError("verify-failed", `${name} differs at ${hex(offset + at + wrong)}`, {
          hint: "run the same command again; the flash chip may be worn",
        });
      }
      doneBytes += wanted.length;
    }
  }
}
