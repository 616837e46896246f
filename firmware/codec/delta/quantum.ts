// The grid that a channel's values lie on: whole number to value and back (firmware/SPEC.md §5.1).
// Only *, /, round, fround and comparison are used: identical on every IEEE 754 engine.
import type { FloatBits } from "./float-bits.ts";
import { DECIMAL, DIGITS, FLOAT_DECIMAL, FLOAT32, FLOAT64, MEAN, ULP_MAX } from "./layout.ts";

/** 10^0 to 10^22: the powers that are exact doubles. */
export const POWERS = [
  1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
  1e18, 1e19, 1e20, 1e21, 1e22,
] as const;
export const DECIMALS_MAX = 17;
export const DIGITS_MAX = 9;
/** Largest whole number a grid may give: corrections and differences of two stay exact. */
export const WHOLE_MAX = 4.5e15;

/**
 * The coarsest grid of steps 1, 2 or 5 times a power of ten on which no number is more than `epsilon` away:
 * `grain` steps of 10^-decimals. Epsilon 0 is exact.
 */
export function toleranceGrid(epsilon: number): { decimals: number; grain: number } {
  let decimals = 0;
  let grain = 1;
  if (epsilon > 0) {
    while (decimals < DECIMALS_MAX && POWERS[decimals]! * epsilon * 2 < 1) decimals++;
    const steps = [1, 2, 5];
    for (let i = 0; i < 3 * POWERS.length; i++) {
      const next = steps[i % 3]! * POWERS[Math.floor(i / 3)]!;
      if (next <= epsilon * 2 * POWERS[decimals]! && next < WHOLE_MAX) grain = next;
    }
  }
  return { decimals, grain };
}

/** Parameters of a grid as they stand in the batch. */
export interface QuantumOptions {
  kind: number;
  /** Decimals of the finest step. */
  decimals?: number;
  /** MEAN: number of averaged samples. */
  divisor?: number;
  /** DIGITS: significant digits. */
  digits?: number;
}

export class Quantum {
  readonly kind: number;
  readonly decimals: number;
  readonly divisor: number;
  readonly digits: number;
  /** Steps per unit of a decimal grid. */
  readonly scale: number;
  /** DIGITS: 10^digits, and the steps of one decade. */
  readonly top: number;
  readonly step: number;
  private readonly bits: FloatBits;

  constructor(options: QuantumOptions, bits: FloatBits) {
    this.kind = options.kind;
    this.decimals = options.decimals ?? 0;
    this.divisor = options.divisor ?? 1;
    this.digits = options.digits ?? 0;
    this.scale = POWERS[this.decimals]! * this.divisor;
    this.top = POWERS[this.digits]!;
    this.step = this.top - this.top / 10;
    this.bits = bits;
  }

  /** The whole number nearest to `value`; it fits only if `toValue` gives `value` back. */
  toWhole(value: number): number {
    switch (this.kind) {
      case DIGITS:
        return this.toDigits(value);
      case FLOAT32:
        return this.bits.order32(value);
      case FLOAT64:
        return this.bits.order64(value);
      default:
        return Math.round(value * this.scale);
    }
  }

  toValue(whole: number): number {
    switch (this.kind) {
      case FLOAT_DECIMAL:
        return Math.fround(whole / this.scale);
      case DIGITS:
        return this.fromDigits(whole);
      case FLOAT32:
        return this.bits.fromOrder32(whole);
      default:
        return whole / this.scale;
    }
  }

  /** Steps from the grid's value to `value`, at most ULP_MAX either way; NaN if there are none. */
  stepsTo(value: number, whole: number): number {
    return this.hasSteps ? this.bits.steps(this.toValue(whole), value, ULP_MAX) : Number.NaN;
  }

  /** The value `steps` beside the grid's value. */
  stepped(whole: number, steps: number): number {
    return this.bits.step(this.toValue(whole), steps);
  }

  /** Values may lie some steps beside this grid. */
  get hasSteps(): boolean {
    const { kind } = this;
    return kind === DECIMAL || kind === MEAN;
  }

  isSameAs(other: Quantum): boolean {
    return (
      this.kind === other.kind &&
      this.decimals === other.decimals &&
      this.divisor === other.divisor &&
      this.digits === other.digits
    );
  }

  /** This grid, as fine as `before` if that is of the same kind: what was needed once will be again. */
  joined(before: Quantum, bits: FloatBits): Quantum {
    const isFiner =
      this.kind === before.kind &&
      (this.kind === DECIMAL || this.kind === DIGITS) &&
      before.decimals > this.decimals &&
      before.decimals < this.decimals + 4 &&
      before.digits >= this.digits;
    return isFiner
      ? new Quantum({ kind: this.kind, decimals: before.decimals, digits: before.digits }, bits)
      : this;
  }

  // Numbers of `digits` significant digits in order: 10^digits steps up to the first full decade,
  // then 9 * 10^(digits - 1) steps for each decade.
  private toDigits(value: number): number {
    const size = Math.abs(value);
    let exponent = this.decimals;
    let decade = 0;
    let mantissa = Math.round(size * POWERS[exponent]!);
    while (mantissa >= this.top && decade < 30) {
      exponent--;
      decade++;
      mantissa =
        exponent < 0 ? Math.round(size / POWERS[-exponent]!) : Math.round(size * POWERS[exponent]!);
    }
    const whole = mantissa + decade * this.step;
    return value < 0 ? -whole : whole;
  }

  private fromDigits(whole: number): number {
    const size = Math.abs(whole);
    let exponent = this.decimals;
    let mantissa = size;
    if (size >= this.top) {
      const decade = Math.floor((size - this.top) / this.step) + 1;
      mantissa = size - decade * this.step;
      exponent -= decade;
    }
    const value =
      exponent < -22
        ? Infinity
        : exponent < 0
          ? mantissa * POWERS[-exponent]!
          : mantissa / POWERS[exponent]!;
    return whole < 0 ? -value : value;
  }
}
