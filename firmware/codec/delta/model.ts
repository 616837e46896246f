// Probabilities of the delta codec: unpacked from the trained priors, and how they adapt (firmware/SPEC.md §4).
import {
  ESCAPE,
  MODEL_SIZE,
  PLAIN,
  PLAIN_TABLES,
  RESIDUAL,
  RESIDUAL_STEP,
  RESIDUAL_TABLES,
  T_RESIDUAL,
  ZERO,
} from "./layout.ts";
import { moveOf } from "./scale.ts";

/** The weights of a table add up to 2^SHIFT. */
export const SHIFT = 12;
/**
 * An entry of the model says all about a symbol: the weights below it from bit BELOW on; its own weight, WEIGHTS,
 * from bit WEIGHT on; and how it moves the state of a residual's scale: MOVES, 0 for no move, otherwise STAY more.
 */
export const BELOW = 19;
export const WEIGHT = 6;
export const WEIGHTS = 0x1fff;
export const MOVES = 0x3f;
export const STAY = 32;
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

/** Entries of all tables, symbol s of a table in slot s + 1. No possible symbol's weight falls to zero. */
export function startModel(priors: string): Int32Array {
  const model = new Int32Array(MODEL_SIZE);
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
    let below = 0;
    for (let s = base + 1; s <= base + size; s++) {
      const part = model[s]!;
      model[s] = (below << BELOW) | (part << WEIGHT) | moveBits(base, s - base - 1);
      below += part;
    }
  });
  return model;
}

function moveBits(base: number, s: number): number {
  if (base < T_RESIDUAL || s === ESCAPE) return 0;
  const move = moveOf((base - T_RESIDUAL) / RESIDUAL_STEP, s - ZERO);
  return move && move + STAY;
}

/** The adaptive profile's tables: they move towards what was counted, a block of symbols at a time. */
export class AdaptiveModel {
  readonly model: Int32Array;
  /** Symbols counted since the last adaptation, in the slots of `model`; a table's slot 0 counts all. */
  readonly counts = new Uint8Array(MODEL_SIZE);
  private readonly trained: Int32Array;

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
    let entry = 0;
    let below = 0;
    let next = 0;
    counts[at] = 0;
    while (++at < end) {
      target += counts[at]! * unit + 1;
      counts[at] = 0;
      entry = model[at]!;
      next = (entry >>> BELOW) + ((entry >>> WEIGHT) & WEIGHTS);
      next += (target - next) >> ADAPT_SHIFT;
      model[at] = (below << BELOW) | ((next - below) << WEIGHT) | (entry & MOVES);
      below = next;
    }
    counts[at] = 0;
    model[at] = (below << BELOW) | ((SUM - below) << WEIGHT) | (model[at]! & MOVES);
  }
}
