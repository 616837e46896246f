// Start probabilities of the delta codec, unpacked from the trained priors (firmware/SPEC.md §4). Integers only.
import {
  MODEL_SIZE,
  PLAIN,
  PLAIN_TABLES,
  RESIDUAL,
  RESIDUAL_STEP,
  RESIDUAL_TABLES,
  T_RESIDUAL,
} from "./layout.ts";

/** Static tables: cumulative weights that end at 2^SHIFT. */
export const SHIFT = 12;
/** Adaptive tables: weight that one occurrence adds, sum of the start weights, sum that halves all. */
export const ADD = 64;
export const START_SUM = 2048;
export const SUM_MAX = 12_000;

/** Calls `visit` with base and symbol count of every table. */
export function eachTable(visit: (base: number, size: number) => void): void {
  for (let i = 0; i < PLAIN_TABLES; i++) visit(i * (PLAIN + 1), PLAIN);
  for (let i = 0; i < RESIDUAL_TABLES; i++) visit(T_RESIDUAL + i * RESIDUAL_STEP, RESIDUAL);
}

/** Weight of a prior's character: 0 for a space, then steps of one eighth up to about 14,000. */
function weightOf(code: number): number {
  let weight = code > 32 ? 4 : 0;
  for (let i = 33; i < code; i++) weight += (weight >> 3) + 1;
  return weight;
}

/** Weights of all tables, each table scaled to `sum` exactly; no possible symbol falls to zero. */
function scaled(priors: string, sum: number): Uint16Array {
  const model = new Uint16Array(MODEL_SIZE);
  const weights = new Uint32Array(128);
  for (let code = 33; code < 127; code++) weights[code] = weightOf(code);
  let next = 0;
  eachTable((base, size) => {
    let total = 0;
    for (let s = 0; s < size; s++) total += weights[priors.charCodeAt(next + s)]!;
    let rest = sum;
    let largest = base + 1;
    for (let s = base + 1; s <= base + size; s++) {
      const weight = weights[priors.charCodeAt(next++)]!;
      const part = weight === 0 ? 0 : Math.max(1, Math.floor((weight * sum) / total));
      model[s] = part;
      rest -= part;
      if (part > model[largest]!) largest = s;
    }
    model[largest] = model[largest]! + rest;
    model[base] = sum;
  });
  return model;
}

/** Weights that count up: slot 0 of a table is the sum, then one weight per symbol. */
export function adaptiveModel(priors: string): Uint16Array {
  return scaled(priors, START_SUM);
}

/** Cumulative weights: slot 0 of a table is zero, slot s + 1 the sum up to symbol s. */
export function staticModel(priors: string): Uint16Array {
  const model = scaled(priors, 1 << SHIFT);
  eachTable((base, size) => {
    model[base] = 0;
    for (let s = base + 1; s <= base + size; s++) model[s] = model[s]! + model[s - 1]!;
  });
  return model;
}

/** Ages the table at `base`: every weight is halved, none that was possible becomes zero. */
export function halve(model: Uint16Array, base: number): void {
  const end = base + (base < T_RESIDUAL ? PLAIN : RESIDUAL);
  let sum = 0;
  for (let i = base + 1; i <= end; i++) {
    const weight = (model[i]! + 1) >> 1;
    model[i] = weight;
    sum += weight;
  }
  model[base] = sum;
}
