// Sectors that a job shares with bytes it does not own: kept on the host from before the erase until verified.
import { sectorBytes } from "./protocol.ts";
import type { Gap } from "./regions.ts";

/** A sector as it shall be: the neighbours' bytes as they were, the job's bytes as they become. */
export interface KeptSector {
  readonly mac: string;
  readonly offset: number;
  readonly bytes: Uint8Array;
  /** Where the neighbours are. */
  readonly neighbours: readonly Gap[];
  /** Sectors around it as they were then: a flash that somebody filled since does not hold them any more. */
  readonly witnesses?: readonly Witness[];
}

export interface Witness {
  readonly offset: number;
  /** Of the whole sector. */
  readonly md5: string;
}

/** Outlives the job and its process. One sector of one board is kept at most once. */
export interface SectorKeeper {
  /** Where it is kept, for messages. @throws DeviceError `bad-input` when it cannot be kept */
  keep(sector: KeptSector): string;
  /** @throws DeviceError `bad-input` when something kept cannot be read */
  keptOf(mac: string): readonly KeptSector[];
  forget(sector: Pick<KeptSector, "mac" | "offset">): void;
  /** Out of the way of later jobs, without losing it. Returns where it is. */
  setAside(sector: KeptSector): string;
}

function neighbourBytes(sector: KeptSector, flash: Uint8Array): readonly [number, number][] {
  return sector.neighbours.flatMap(({ offset, size }) =>
    Array.from({ length: size }, (_, index): [number, number] => {
      const at = offset - sector.offset + index;
      return [flash[at]!, sector.bytes[at]!];
    }),
  );
}

export function neighbourCount({ neighbours }: KeptSector): number {
  return neighbours.reduce((sum, { size }) => sum + size, 0);
}

/** Erased neighbours have nothing to lose. */
export function isWorthKeeping(sector: KeptSector): boolean {
  return neighbourBytes(sector, sector.bytes).some(([byte]) => byte !== 0xff);
}

/**
 * What became of the neighbours: `whole`; `torn` as an interrupted erase or write leaves them (bits that were 0 are 1, or
 * cells cleared before erasing); `other` when somebody wrote something else since.
 */
export function neighbourState(sector: KeptSector, flash: Uint8Array): "whole" | "torn" | "other" {
  const pairs = neighbourBytes(sector, flash);
  if (pairs.every(([now, kept]) => now === kept)) return "whole";
  return pairs.every(([now, kept]) => (now & kept) === kept || now === 0) ? "torn" : "other";
}

/** The sector as it is now with the neighbours as they were: what somebody wrote beside them since stays. */
export function withNeighbours(sector: KeptSector, flash: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(flash);
  for (const { offset, size } of sector.neighbours) {
    const at = offset - sector.offset;
    bytes.set(sector.bytes.subarray(at, at + size), at);
  }
  return bytes;
}

/** Nothing is kept beyond the job: for boards without a name and callers without a disk. */
export const noKeeper: SectorKeeper = {
  keep: () => "memory",
  keptOf: () => [],
  forget: () => {},
  setAside: () => "",
};

function isWitness({ offset, md5 }: Witness): boolean {
  return isSectorOffset(offset) && typeof md5 === "string" && /^[0-9a-f]{32}$/.test(md5);
}

function isSectorOffset(offset: number): boolean {
  return Number.isSafeInteger(offset) && offset >= 0 && offset % sectorBytes === 0;
}

/** Whether numbers from a file describe a sector and places in it. */
export function isKeptSector(sector: KeptSector): boolean {
  const { offset, bytes, neighbours, witnesses = [] } = sector;
  if (!isSectorOffset(offset) || !witnesses.every(isWitness)) return false;
  const isInside = (gap: Gap) =>
    Number.isSafeInteger(gap.offset) &&
    Number.isSafeInteger(gap.size) &&
    gap.size > 0 &&
    gap.offset >= offset &&
    gap.offset + gap.size <= offset + sectorBytes;
  return bytes.length === sectorBytes && neighbours.length > 0 && neighbours.every(isInside);
}
