// Symbol counts to the start weights of the delta codec (firmware/SPEC.md §4), and their source text.
import * as layout from "../../firmware/codec/delta/layout.ts";
import { eachTable } from "../../firmware/codec/delta/model.ts";

/**
 * A table follows its counts and, as if it had seen so many symbols more per byte, a smoother picture of them. What
 * only one set needs then stays usable by others.
 */
const SMOOTH_COUNT = 0.3;
/** Share of the smoother picture that is spread evenly over all symbols. */
const EVEN_PLAIN = 0.1;
const EVEN_SERIES = 0.02;
/** A number of one bit more or less is so much rarer than the one that was seen. */
const NEIGHBOUR = 0.35;

/** Symbols that can occur in the table at `base`. */
function possible(base: number): (symbol: number) => boolean {
  if (base === layout.T_KIND) return (s) => s <= layout.BLOB || s === layout.SAME;
  if (base === layout.T_FLAGS) return (s) => s < 8;
  if (base === layout.T_PLAN || base === layout.T_TIME_PLAN) return (s) => s <= layout.CONSTANT;
  return () => true;
}

function isFlag(base: number): boolean {
  return base >= layout.T_PRESENT && base < layout.T_ULP;
}

function isCache(base: number): boolean {
  return base >= layout.T_CACHE && base < layout.T_CACHE_FAR;
}

const NAMES = [layout.T_KIND, layout.T_FLAGS, layout.T_PLAN, layout.T_TIME_PLAN];

/** Symbols of the table at `base` are lengths in bits, or places of a list. */
function isOrdered(base: number): boolean {
  const isNames = NAMES.includes(base) || isFlag(base) || isCache(base);
  return base < layout.T_RESIDUAL && !isNames;
}

/** Every count spread over its neighbours. */
function spread(counts: Float64Array): Float64Array {
  const result = new Float64Array(counts.length);
  counts.forEach((count, s) => {
    const shares = Array.from(counts, (_, i) => NEIGHBOUR ** Math.abs(i - s));
    const sum = shares.reduce((a, b) => a + b, 0);
    for (let i = 0; i < result.length; i++) result[i] = result[i]! + (count * shares[i]!) / sum;
  });
  return result;
}

/** Relative weights of the `size` symbols of the table at `base`; 0 for those that cannot occur. */
function weightsOf(counts: Float64Array, base: number, size: number): Float64Array {
  const can = possible(base);
  const own = counts.subarray(base + 1, base + 1 + size);
  const wide = isOrdered(base) ? spread(own) : own;
  const total = wide.reduce((a, b) => a + b, 0);
  let choices = 0;
  for (let s = 0; s < size; s++) if (can(s)) choices++;
  const seen = base < layout.T_CACHE ? EVEN_PLAIN : EVEN_SERIES;
  const even = total > 0 ? seen : 1;
  return wide.map((count, s) => {
    if (!can(s)) return 0;
    const share = total > 0 ? count / total : 0;
    return own[s]! + SMOOTH_COUNT * ((1 - even) * share + even / choices);
  });
}

/** One character per weight, as model.ts reads them. `counts`: symbols per byte of all sets. */
export function packPriors(counts: Float64Array): string {
  const levels = [0, 4];
  while (levels.length < 94) levels.push(levels.at(-1)! + (levels.at(-1)! >> 3) + 1);
  const top = levels.at(-1)!;
  let text = "";
  eachTable((base, size) => {
    const weights = weightsOf(counts, base, size);
    const largest = Math.max(...weights);
    for (const weight of weights)
      text +=
        weight === 0 ? " " : String.fromCharCode(32 + nearest(levels, (weight / largest) * top));
  });
  return text;
}

/** Index (at least 1) of the level nearest to `weight` by ratio. */
function nearest(levels: readonly number[], weight: number): number {
  let at = 1;
  while (at < levels.length - 1 && levels[at + 1]! * levels[at]! < weight * weight) at++;
  return at;
}

/** Source text of priors-table.ts. */
export function priorsSource(text: string): string {
  const lines = text.match(/.{1,80}/g) ?? [];
  return [
    "// Trained start weights of the delta codec, one character each. Written by",
    "// `npm run build && node build/host-tools/telemetry/train.js`; `--check` compares instead.",
    "export const PRIORS =",
    `${lines.map((line) => `  ${JSON.stringify(line)}`).join(" +\n")};`,
    "",
  ].join("\n");
}
