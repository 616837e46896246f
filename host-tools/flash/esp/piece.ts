// What is written in one go: its bytes, which parts of it the flash lacks, and what may be in a sector already.
import { createHash } from "node:crypto";
import { DeviceError } from "../../serial/error.ts";
import type { KeptSector } from "./keeper.ts";
import { readFlash } from "./read.ts";
import { type FlashRegion, gapsOf, hex, overlay, type SectorSpan } from "./regions.ts";
import type { EspSession } from "./session.ts";

/** Unit of comparison: small enough to save time, large enough to keep requests few. */
const compareBytes = 64 * 1024;

export interface Piece {
  readonly offset: number;
  readonly bytes: Uint8Array;
  readonly names: readonly string[];
  /** Present when the sector is shared. */
  readonly kept?: KeptSector;
}

export function md5(bytes: Uint8Array): string {
  return createHash("md5").update(bytes).digest("hex");
}

export function sizeOf(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, piece) => sum + piece.bytes.length, 0);
}

export function placeOf({ offset, bytes }: Piece): string {
  return `${hex(offset)} to ${hex(offset + bytes.length)}`;
}

export function isOverlapping(a: Piece, b: Piece): boolean {
  return a.offset < b.offset + b.bytes.length && b.offset < a.offset + a.bytes.length;
}

/** The bytes that `span` shall hold: those of `regions`, and between them what is there now. */
export async function fill(
  session: EspSession,
  span: SectorSpan,
  regions: readonly FlashRegion[],
): Promise<Uint8Array> {
  const base = new Uint8Array(span.size).fill(0xff);
  for (const gap of gapsOf(span, regions)) {
    base.set(await readFlash(session, gap.offset, gap.size), gap.offset - span.offset);
  }
  return overlay(span, base, regions);
}

/** The parts of `piece` that differ from the flash, neighbours joined. */
export async function changedParts(
  session: EspSession,
  piece: Piece,
  onProgress: (doneBytes: number) => void,
): Promise<readonly Piece[]> {
  const changed: Piece[] = [];
  for (let at = 0; at < piece.bytes.length; at += compareBytes) {
    const bytes = piece.bytes.subarray(at, at + compareBytes);
    onProgress(at);
    if ((await session.md5(piece.offset + at, bytes.length)) === md5(bytes)) continue;
    const last = changed.at(-1);
    const offset = piece.offset + at;
    if (last && last.offset + last.bytes.length === offset) {
      const from = last.offset - piece.offset;
      const joined = piece.bytes.subarray(from, at + bytes.length);
      changed[changed.length - 1] = { ...last, bytes: joined };
    } else changed.push({ offset, bytes, names: piece.names });
  }
  return changed;
}

export function unverified(piece: Piece, todo: readonly Piece[]): DeviceError {
  const where = todo.map((part) => hex(part.offset)).join(", ");
  return new DeviceError(
    "verify-failed",
    `${piece.names.join(", ")}: flash differs from the file at ${where} after every attempt`,
    { hint: "lower --baud or use another cable; the flash chip may be worn or write-protected" },
  );
}
