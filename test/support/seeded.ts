// Seeded randomness for tests: the seed is printed, and GODWIT_SEED replays a run.

export interface Seeded {
  seed: number;
  /** Whole number from 0 to `below` - 1. */
  int(below: number): number;
  pick<T>(items: readonly T[]): T;
  bytes(count: number): Uint8Array;
  chance(probability: number): boolean;
}

/** Mulberry32: small, fast, good enough to choose test data. */
export function seeded(name: string, fixedSeed?: number): Seeded {
  const wanted = fixedSeed ?? Number(process.env.GODWIT_SEED ?? Date.now() % 2 ** 31);
  const seed = wanted >>> 0;
  console.log(`${name}: seed ${seed} (GODWIT_SEED=${seed} replays)`);
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    seed,
    int: (below) => Math.floor(next() * below),
    pick: (items) => items[Math.floor(next() * items.length)]!,
    bytes: (count) => Uint8Array.from({ length: count }, () => Math.floor(next() * 256)),
    chance: (probability) => next() < probability,
  };
}
