// A simulated world: one virtual clock, one seeded generator, one network, one trace.
import { type NetworkOptions, VirtualNetwork } from "./network.ts";
import { SeededRandom } from "./seeded-random.ts";
import { Trace } from "./trace.ts";
import { VirtualClock } from "./virtual-clock.ts";

export interface WorldOptions {
  seed: number;
  /** Unix time at which the world begins, ms. */
  epochMs?: number;
  network?: Partial<NetworkOptions>;
  onTrace?: (line: string) => void;
}

/** Same seed and same calls: same trace, to the byte. */
export class World {
  readonly seed: number;
  readonly epochMs: number;
  readonly clock = new VirtualClock();
  readonly random: SeededRandom;
  readonly trace: Trace;
  readonly network: VirtualNetwork;

  constructor(options: WorldOptions) {
    this.seed = options.seed;
    this.epochMs = options.epochMs ?? Date.UTC(2026, 0, 1);
    this.random = new SeededRandom(options.seed);
    this.trace = new Trace(options.onTrace);
    this.network = new VirtualNetwork(this.clock, this.random, this.trace, options.network);
  }

  /** True time in this world, Unix ms. */
  wallMs(): number {
    return this.epochMs + this.clock.nowMs;
  }
}
