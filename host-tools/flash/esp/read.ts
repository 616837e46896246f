// Reading flash back: fast through the stub, 64 bytes at a time through the ROM; every piece MD5-checked.
import { createHash } from "node:crypto";
import { DeviceError, isDeviceError } from "../../serial/error.ts";
import { trySync } from "./connect.ts";
import { op, readPacketBytes, readPacketsInFlight, slowReadBytes, words } from "./protocol.ts";
import type { EspSession } from "./session.ts";

/** A damaged piece is read again, so pieces are not larger than a second's worth. */
const pieceBytes = 64 * 1024;
const pieceTriesMax = 5;
const packetTimeoutMs = 3000;
const drainQuietMs = 50;

export type ReadProgress = (doneBytes: number, totalBytes: number) => void;

/** @throws DeviceError `verify-failed` when a piece arrives damaged again and again. */
export async function readFlash(
  session: EspSession,
  offset: number,
  size: number,
  onProgress?: ReadProgress,
): Promise<Uint8Array> {
  session.requireUnlocked("reading flash");
  const result = new Uint8Array(size);
  for (let done = 0; done < size; done += pieceBytes) {
    const length = Math.min(pieceBytes, size - done);
    result.set(await readPiece(session, offset + done, length), done);
    onProgress?.(done + length, size);
  }
  return result;
}

async function readPiece(session: EspSession, offset: number, size: number): Promise<Uint8Array> {
  let last: unknown;
  for (let attempt = 0; attempt < pieceTriesMax; attempt++) {
    try {
      const bytes = session.isStub
        ? await readFast(session, offset, size)
        : await readSlow(session, offset, size);
      if (bytes) return bytes;
    } catch (error) {
      if (!isDeviceError(error, "no-reply", "refused")) throw error;
      last = error;
    }
    await leaveRead(session);
  }
  throw new DeviceError(
    "verify-failed",
    `flash at 0x${offset.toString(16)} arrives damaged (${pieceTriesMax} attempts)`,
    { hint: "use a shorter cable or a lower --baud", cause: last },
  );
}

function md5(bytes: Uint8Array): string {
  return createHash("md5").update(bytes).digest("hex");
}

/** Undefined when bytes were lost or damaged on the way. */
async function readFast(
  session: EspSession,
  offset: number,
  size: number,
): Promise<Uint8Array | undefined> {
  const { link } = session;
  await link.request(op.readFlash, words(offset, size, readPacketBytes, readPacketsInFlight));
  const bytes = new Uint8Array(size);
  for (let received = 0; received < size; ) {
    const frame = await link.readFrame(packetTimeoutMs);
    if (frame.length > size - received) return undefined;
    bytes.set(frame, received);
    received += frame.length;
    await link.send(words(received));
  }
  const digest = Buffer.from(await link.readFrame(packetTimeoutMs)).toString("hex");
  if (digest !== md5(bytes)) return undefined;
  // That digest is of what the stub took for the place: the command may have been damaged on its way.
  return (await session.md5(offset, size)) === digest ? bytes : undefined;
}

async function readSlow(
  session: EspSession,
  offset: number,
  size: number,
): Promise<Uint8Array | undefined> {
  const bytes = new Uint8Array(size);
  for (let done = 0; done < size; done += slowReadBytes) {
    const length = Math.min(slowReadBytes, size - done);
    const { data } = await session.repeat(op.readFlashSlow, words(offset + done, length), {
      replyBytes: slowReadBytes,
    });
    bytes.set(data.subarray(0, length), done);
  }
  return (await session.md5(offset, size)) === md5(bytes) ? bytes : undefined;
}

/** A stub that waits for an acknowledgement gives up at any frame that is not one. */
async function leaveRead(session: EspSession): Promise<void> {
  await session.link.send(new Uint8Array(1));
  await session.link.drain(drainQuietMs);
  if ((await trySync(session.link)) === undefined) {
    throw new DeviceError("lost-bootloader", "the board left the bootloader during a read", {
      hint: "run the same command again",
    });
  }
}
