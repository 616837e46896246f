// Seeded faults of a serial line: the same seed gives the same run.
import type { WireFault } from "./wire.ts";

/** Share of portions (0 to 1) that each fault hits. */
export interface LineFaults {
  readonly drop?: number;
  readonly duplicate?: number;
  readonly corrupt?: number;
  readonly split?: number;
}

export const lineFaultNames = ["drop", "duplicate", "corrupt", "split"] as const;

/** xorshift32 over a mixed seed: small, repeatable. */
export function seededRandom(seed: number): () => number {
  let state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
}

export interface FaultLog {
  /** What was done to which portion: for messages when a run fails. */
  readonly events: { kind: string; direction: string; bytes: number; head: number }[];
}

/** A fault for a `Wire`. `log` keeps what it did. */
export function lineFault(rates: LineFaults, seed: number, log?: FaultLog): WireFault {
  const random = seededRandom(seed);
  const hits = (rate: number | undefined) => rate !== undefined && random() < rate;
  return (bytes, direction) => {
    const note = (kind: string) =>
      log?.events.push({ kind, direction, bytes: bytes.length, head: bytes[2] ?? 0 });
    if (hits(rates.drop)) {
      note("drop");
      return [];
    }
    let portions = [new Uint8Array(bytes)];
    if (hits(rates.corrupt)) {
      note("corrupt");
      const [portion] = portions;
      portion![Math.floor(random() * portion!.length)]! ^= 1 << Math.floor(random() * 8);
    }
    if (hits(rates.duplicate)) {
      note("duplicate");
      portions = [portions[0]!, new Uint8Array(portions[0]!)];
    }
    return hits(rates.split) ? portions.flatMap((portion) => split(portion, random)) : portions;
  };
}

function split(bytes: Uint8Array, random: () => number): Uint8Array[] {
  const cut = Math.floor(random() * bytes.length);
  return [bytes.subarray(0, cut), bytes.subarray(cut)].filter((part) => part.length > 0);
}
