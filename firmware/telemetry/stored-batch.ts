/** A batch as it lies in the flash log: how it was encoded and when, then its body (log/SPEC.md §4). */
import { GodwitError } from "../codec/error.ts";
import { decodeUtf8, encodeUtf8 } from "../codec/utf8.ts";
import type { Batch } from "./batcher.ts";
import type { LogClass } from "./log/types.ts";

const VERSION = 1;
const TIMED = 1;
const EPOCH_KNOWN = 2;
const HEAD_BYTES = 14;

/** What a batch needs beside its own length. */
export const STORED_OVERHEAD_BYTES = HEAD_BYTES + 64;

/** A batch with the Unix time of tick 0 of its boot, undefined while that is not known. */
export interface StoredBatch extends Batch {
  readonly epochMs: number | undefined;
}

function write48(target: Uint8Array, at: number, value: number): void {
  for (let i = 5, rest = Math.max(0, Math.floor(value)); i >= 0; i--) {
    target[at + i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
}

function read48(source: Uint8Array, at: number): number {
  let value = 0;
  for (let i = 0; i < 6; i++) value = value * 256 + source[at + i]!;
  return value;
}

/** @throws GodwitError `limit` for a property bag beyond 255 bytes */
export function packBatch(batch: Batch, epochMs: number | undefined): Uint8Array {
  const bag = encodeUtf8(batch.bag);
  if (bag.length > 255)
    throw new GodwitError("limit", `property bag of ${bag.length} bytes, 255 fit`);
  const bytes = new Uint8Array(HEAD_BYTES + bag.length + batch.payload.length);
  bytes[0] =
    (VERSION << 4) | (batch.isTimed ? TIMED : 0) | (epochMs === undefined ? 0 : EPOCH_KNOWN);
  bytes[1] = bag.length;
  write48(bytes, 2, batch.firstMs);
  write48(bytes, 8, epochMs ?? 0);
  bytes.set(bag, HEAD_BYTES);
  bytes.set(batch.payload, HEAD_BYTES + bag.length);
  return bytes;
}

/** @throws GodwitError `malformed` for what `packBatch` of this version has not written */
export function unpackBatch(logClass: LogClass, bytes: Uint8Array): StoredBatch {
  const body = HEAD_BYTES + (bytes[1] ?? 0);
  if (bytes[0]! >> 4 !== VERSION || bytes.length < body) {
    throw new GodwitError(
      "malformed",
      `stored batch: version ${bytes[0]! >> 4}, ${bytes.length} bytes`,
    );
  }
  return {
    logClass,
    payload: bytes.subarray(body),
    bag: decodeUtf8(bytes.subarray(HEAD_BYTES, body)),
    isTimed: (bytes[0]! & TIMED) !== 0,
    firstMs: read48(bytes, 2),
    epochMs: bytes[0]! & EPOCH_KNOWN ? read48(bytes, 8) : undefined,
  };
}
