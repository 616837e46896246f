// Probabilities of the delta codec: unpacked from the trained priors, and how they adapt (firmware/SPEC.md §4).
import {
  MODEL_SIZE,
  PLAIN,
  PLAIN_TABLES,
  RESIDUAL,
  RESIDUAL_STEP,
  RESIDUAL_TABLES,
  T_RESIDUAL,
} from "./layout.ts";

/** All tables: cumulative weights that end at 2^SHIFT. */
export const SHIFT = 12;
const SUM = 1 << SHIFT;
/** Symbols of one table between two adaptations of it. */
export const BLOCK = 16;
/** An adaptation goes a quarter of the way. */
const ADAPT_SHIFT = 2;
const PLAIN_UNIT = ((SUM - PLAIN) / BLOCK) | 0;
const RESIDUAL_UNIT = ((SUM - RESIDUAL) / BLOCK) | 0;

/** Calls `visit` with base and symbol count of every table. */
export function eachTable(visit: (base: number, size: number) => void): void {
  for (let i = 0; i < PLAIN_TABLES; i++) visit(i * (PLAIN + 1), PLAIN);
  for (let i = 0; i < RESIDUAL_TABLES; i++) visit(T_RESIDUAL + i * RESIDUAL_STEP, RESIDUAL);
}

/** Weights by character: 0 for a space, then steps of one eighth up to about 14,000. */
function weightsByCode(): Uint32Array {
  const weights = new Uint32Array(127);
  let weight = 4;
  for (let code = 33; code < 127; code++) {
    weights[code] = weight;
    weight += (weight >> 3) + 1;
  }
  return weights;
}

/**
 * Cumulative weights of all tables: slot 0 of a table is zero, slot s + 1 the sum up to symbol s.
 * No possible symbol falls to zero.
 */
export function startModel(priors: string): Uint16Array {
  const model = new Uint16Array(MODEL_SIZE);
  const weights = weightsByCode();
  let next = 0;
  eachTable((base, size) => {
    let total = 0;
    for (let s = 0; s < size; s++) total += weights[priors.charCodeAt(next + s)]!;
    let rest = SUM;
    let largest = base + 1;
    for (let s = base + 1; s <= base + size; s++) {
      const weight = weights[priors.charCodeAt(next++)]!;
      const part = weight === 0 ? 0 : Math.max(1, Math.floor((weight * SUM) / total));
      model[s] = part;
      rest -= part;
      if (part > model[largest]!) largest = s;
    }
    model[largest] = model[largest]! + rest;
    for (let s = base + 1; s <= base + size; s++) model[s] = model[s]! + model[s - 1]!;
  });
  return model;
}

/** The adaptive profile's tables: they move towards what was counted, a block of symbols at a time. */
export class AdaptiveModel {
  readonly model: Uint16Array;
  /** Symbols counted since the last adaptation, in the slots of `model`; a table's slot 0 counts all. */
  readonly counts = new Uint8Array(MODEL_SIZE);
  private readonly trained: Uint16Array;

  constructor(priors: string) {
    this.trained = startModel(priors);
    this.model = this.trained.slice();
  }

  /** Begins a stream. */
  reset(): void {
    this.model.set(this.trained);
    this.counts.fill(0);
  }

  /** Counts symbol `s` of the table at `base`. */
  count(base: number, s: number): void {
    const { counts } = this;
    counts[base + s + 1]!++;
    if (++counts[base]! === BLOCK) this.adapt(base);
  }

  /** Moves the table at `base` towards its counts after BLOCK symbols. */
  adapt(base: number): void {
    const { model, counts } = this;
    const isPlain = base < T_RESIDUAL;
    const end = base + (isPlain ? PLAIN : RESIDUAL);
    // What a count weighs, with one for each symbol; what is missing to 4096 is the last symbol's.
    const unit = isPlain ? PLAIN_UNIT : RESIDUAL_UNIT;
    let target = 0;
    let at = base;
    let weight = 0;
    counts[at] = 0;
    while (++at < end) {
      target += counts[at]! * unit + 1;
      counts[at] = 0;
      weight = model[at]!;
      model[at] = weight + ((target - weight) >> ADAPT_SHIFT);
    }
    counts[at] = 0;
  }
}
