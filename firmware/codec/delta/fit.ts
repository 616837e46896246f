// Choice of the grid for a channel from a sample of its values. Runs when a grid stops fitting, not per value.
import type { FloatBits } from "./float-bits.ts";
import {
  DECIMAL,
  DIGITS,
  DIVISORS,
  FLOAT_DECIMAL,
  FLOAT32,
  FLOAT64,
  MEAN,
  ULP_MAX,
} from "./layout.ts";
import { DECIMALS_MAX, DIGITS_MAX, Quantum, type QuantumOptions, WHOLE_MAX } from "./quantum.ts";
import { bitLength } from "./range-encoder.ts";

const SAMPLE_MAX = 32;
const RAW_BITS = 70;
/** Values of a sample that may be sent whole, and one in eight of larger samples: more, and it is no grid. */
const RAWS_MIN = 2;
/** So many values beside a grid, and none on it: no need to look at the others. */
const HOPELESS = 3;
/** Finer decimals that are tried in vain before the search ends. */
const FINER_MAX = 3;
const STEP_BITS = 7;
/** One value in 2^so many may miss a refined grid. */
const MISSES_SHIFT = 6;
/** Decimals up to which significant digits are not worth a thought. */
const DIGITLESS_MAX = 3;

export function gcd(a: number, b: number): number {
  let x = Math.abs(a);
  let y = Math.abs(b);
  while (y > 0) {
    const rest = x % y;
    x = y;
    y = rest;
  }
  return x;
}

/** Estimated bits of `values` on a grid; Infinity as soon as it exceeds `best`. */
function cost(quantum: Quantum, values: readonly number[], best: number): number {
  let bits = quantum.kind === DECIMAL ? 0 : quantum.kind === FLOAT_DECIMAL ? 3 : 8;
  const wholes: number[] = [];
  let divisor = 0;
  let misses = 0;
  let raws = RAWS_MIN + (values.length >> 3);
  for (const value of values) {
    let whole = quantum.toWhole(value);
    if (!(Math.abs(whole) <= WHOLE_MAX)) whole = Number.NaN;
    if (value === 0) whole = 0;
    if (quantum.kind === FLOAT64) bits += 12;
    else if (quantum.toValue(whole) !== value) {
      const steps = quantum.stepsTo(value, whole);
      if (!(Math.abs(steps) <= ULP_MAX)) {
        bits += RAW_BITS;
        if (--raws < 0 || bits > best || (wholes.length === 0 && ++misses === HOPELESS))
          return Infinity;
        continue;
      }
      bits += STEP_BITS;
    }
    if (wholes.length > 0) divisor = gcd(whole - wholes[0]!, divisor);
    wholes.push(whole);
  }
  for (let i = 1; i < wholes.length; i++) {
    bits += bitLength(Math.abs(wholes[i]! - wholes[i - 1]!) / (divisor || 1)) + 1;
    if (bits > best) return Infinity;
  }
  return bits;
}

/** Finds the grid that describes `values` (finite numbers) in the fewest estimated bits, in slices. */
export function* searchQuantum(
  values: readonly number[],
  bits: FloatBits,
): Generator<undefined, Quantum> {
  let sample = spread(values);
  let best = yield* searchFor(sample, bits);
  for (let round = 0; round < 2 && best.kind !== FLOAT64; round++) {
    const missed: number[] = [];
    for (let i = 0; i < values.length && missed.length < SAMPLE_MAX / 2; i++) {
      if (!isOn(best, values[i]!)) missed.push(values[i]!);
      if (i % SAMPLE_MAX === 0) yield;
    }
    if (missed.length === 0) break;
    sample = [...sample, ...missed];
    best = yield* searchFor(sample, bits);
  }
  return best;
}

/**
 * `known`, or the same with a few decimals more, if that leaves next to none of `count` values beside the grid:
 * mostly a sensor that had rested on round values, and much less work than a search. Finds nothing where another
 * kind might suit better.
 * @param beside the values that are not exactly on `known`; those that are stay on any finer grid of its kind
 */
export function refineQuantum(
  known: Quantum,
  beside: readonly number[],
  count: number,
  bits: FloatBits,
): Quantum | undefined {
  const { kind, decimals, digits } = known;
  if (kind !== DECIMAL && kind !== DIGITS && kind !== FLOAT_DECIMAL) return undefined;
  const misses = count >> MISSES_SHIFT;
  if (beside.length <= misses) return known;
  for (let finer = decimals + 1; finer <= decimals + FINER_MAX; finer++) {
    if (finer > (kind === DECIMAL ? DIGITLESS_MAX : DECIMALS_MAX)) return undefined;
    const offered = new Quantum({ kind, decimals: finer, digits }, bits);
    if (missesOf(offered, beside, misses) <= misses) return offered;
  }
  return undefined;
}

/** How many of `values` are not exactly on a grid; stops counting above `most`. */
function missesOf(quantum: Quantum, values: readonly number[], most: number): number {
  let misses = 0;
  for (let i = 0; i < values.length && misses <= most; i++)
    if (quantum.toValue(quantum.toWhole(values[i]!)) !== values[i]) misses++;
  return misses;
}

function isOn(quantum: Quantum, value: number): boolean {
  const whole = quantum.toWhole(value);
  if (!(Math.abs(whole) <= WHOLE_MAX)) return false;
  return quantum.toValue(whole) === value || Math.abs(quantum.stepsTo(value, whole)) <= ULP_MAX;
}

/** The grids that can suit `sample`, simple ones first; `best` tells what was found so far. */
function* candidates(
  sample: readonly number[],
  best: () => { quantum: Quantum; bits: number },
): Generator<QuantumOptions, void> {
  for (let decimals = 0; decimals <= DECIMALS_MAX; decimals++) {
    yield { kind: DECIMAL, decimals };
    const { quantum } = best();
    if (quantum.kind === DECIMAL && decimals === quantum.decimals + FINER_MAX) break;
  }
  if (best().quantum.kind === DECIMAL && best().bits < 12 * sample.length) return;
  if (sample.every((value) => Math.fround(value) === value)) {
    for (let decimals = 0; decimals < 11; decimals++) yield { kind: FLOAT_DECIMAL, decimals };
    yield { kind: FLOAT32 };
  }
  const { kind, decimals } = best().quantum;
  if (kind === DECIMAL && decimals > DIGITLESS_MAX)
    for (let digits = 4; digits <= DIGITS_MAX; digits++) yield { kind: DIGITS, decimals, digits };
  for (const divisor of DIVISORS)
    for (let few = 0; few < 7; few++) yield { kind: MEAN, decimals: few, divisor };
}

function* searchFor(sample: readonly number[], bits: FloatBits): Generator<undefined, Quantum> {
  let quantum = new Quantum({ kind: FLOAT64 }, bits);
  let least = cost(quantum, sample, Infinity);
  for (const options of candidates(sample, () => ({ quantum, bits: least }))) {
    yield;
    const offered = new Quantum(options, bits);
    const found = cost(offered, sample, least);
    if (found >= least) continue;
    quantum = offered;
    least = found;
  }
  return quantum;
}

function spread(values: readonly number[]): readonly number[] {
  if (values.length <= SAMPLE_MAX) return values;
  const stride = values.length / SAMPLE_MAX;
  return Array.from({ length: SAMPLE_MAX }, (_, i) => values[Math.floor(i * stride)]!);
}
