// Seeded pseudo-random numbers for simulations (sfc32 by Chris Doty-Humphrey, PractRand). Never for keys.

/** Deterministic generator; `fork` gives independent streams so that one consumer cannot shift another. */
export class SeededRandom {
  readonly seed: number;
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number, stream = "") {
    this.seed = seed;
    this.#a = seed >>> 0;
    this.#b = hashText(stream);
    this.#c = Math.floor(seed / 2 ** 32) >>> 0;
    for (let i = 0; i < 12; i++) this.u32();
  }

  /** Uniform integer in 0 … 2^32 - 1. */
  u32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** Uniform in [0, 1). */
  float(): number {
    return this.u32() / 2 ** 32;
  }

  /** Uniform integer in [from, to], both included. */
  int(from: number, to: number): number {
    return from + Math.floor(this.float() * (to - from + 1));
  }

  chance(probability: number): boolean {
    return this.float() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.int(0, items.length - 1)]!;
  }

  fill(target: Uint8Array): void {
    for (let i = 0; i < target.length; i++) target[i] = this.u32() >>> 24;
  }

  /** An independent generator derived from this one's seed and a name. */
  fork(stream: string): SeededRandom {
    return new SeededRandom(this.seed, stream);
  }
}

/** FNV-1a, 32 bit. */
function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
