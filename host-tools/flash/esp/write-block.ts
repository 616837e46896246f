// Single blocks of a write, and whether the loader that took the last one is still there.
import { isDeviceError } from "../../serial/error.ts";
import { trySync } from "./connect.ts";
import type { EspSession } from "./session.ts";

const drainQuietMs = 30;

/** A network port stays open while another board is put behind it: so the MAC is asked here too. */
export async function stillThere(
  session: EspSession,
  isStub: boolean,
  mac: string | undefined,
): Promise<boolean> {
  try {
    await session.link.drain(drainQuietMs);
    if ((await trySync(session.link)) !== isStub) return false;
    return mac === undefined || (await session.mac()) === mac;
  } catch (error) {
    if (!isDeviceError(error)) throw error;
    return false;
  }
}

/** A block refused for its checksum was not used: it may be sent again. Anything else may not. */
export async function writeBlockSafely(
  session: EspSession,
  block: Uint8Array,
  sequence: number,
  kind: { isCompressed: boolean; flashBytes: number },
): Promise<void> {
  const damagedReasons = [7, 193];
  const sendsMax = 3;
  for (let send = 1; ; send++) {
    try {
      await session.writeBlock(block, sequence, kind);
      return;
    } catch (error) {
      const reason = isDeviceError(error) && "reason" in error ? error.reason : undefined;
      if (send === sendsMax || !damagedReasons.includes(reason as number)) throw error;
    }
  }
}

/** Uncompressed blocks all have the full length; 0xFF leaves erased flash as it is. */
export function paddedBlock(
  block: Uint8Array,
  isCompressed: boolean,
  blockBytes: number,
): Uint8Array {
  if (isCompressed || block.length === blockBytes) return block;
  const padded = new Uint8Array(blockBytes).fill(0xff);
  padded.set(block);
  return padded;
}
