// Seeded test data: the seed is printed, and GODWIT_SEED replays a run.
import { SeededRandom } from "../../host-tools/sim/seeded-random.ts";

/** Bytes are cut out of one random block: making each anew would take longer than most tests. */
const POOL_BYTES = 65_536;

export interface Seeded {
  seed: number;
  /** Whole number from 0 to `below` - 1. */
  int(below: number): number;
  pick<T>(items: readonly T[]): T;
  /** Up to POOL_BYTES bytes. */
  bytes(count: number): Uint8Array;
  chance(probability: number): boolean;
}

export function seeded(name: string): Seeded {
  const seed = Number(process.env.GODWIT_SEED ?? Date.now() % 2 ** 31) >>> 0;
  console.log(`${name}: seed ${seed} (GODWIT_SEED=${seed} replays)`);
  const random = new SeededRandom(seed, name);
  const pool = new Uint8Array(POOL_BYTES);
  random.fill(pool);
  return {
    seed,
    int: (below) => Math.floor(random.float() * below),
    pick: (items) => random.pick(items),
    chance: (probability) => random.chance(probability),
    bytes: (count) => {
      const from = Math.floor(random.float() * (POOL_BYTES - count));
      return pool.slice(from, from + count);
    },
  };
}
