// One channel while a batch is recorded: whole numbers on the channel's grid and the values that miss it.
import { GodwitError } from "../error.ts";
import { chooseQuantum } from "./fit.ts";
import type { FloatBits } from "./float-bits.ts";
import {
  BLOB,
  BOOLEAN,
  DECIMAL,
  ENTRIES_MAX,
  FLOAT32,
  FLOAT64,
  MISSING,
  MISSING_WIDE,
  NEGATIVE_ZERO,
  RAW,
  TEXT,
} from "./layout.ts";
import { DECIMALS_MAX, POWERS, Quantum, WHOLE_MAX } from "./quantum.ts";

/** Whole numbers below this size are kept in 32 bits: differences of two still fit. */
const NARROW = 0x40000000;

/** Turns values that are neither numbers, booleans nor texts into bytes (CBOR) and back. */
export interface ObjectCodec {
  encode(value: unknown): Uint8Array;
  decode(bytes: Uint8Array): unknown;
}

export interface ColumnOptions {
  rowsMax: number;
  /** Largest error of a decoded number, in the channel's unit; absent: exact. */
  epsilon?: number | undefined;
  objects?: ObjectCodec | undefined;
}

export class Column {
  quantum: Quantum;
  /** Whole numbers, or entry numbers of texts and blobs; MISSING or MISSING_WIDE where there is none. */
  store: Int32Array | Float64Array;
  isWide = false;
  count = 0;
  /** Texts, or CBOR bytes as one character per byte, by entry number. */
  entries: string[] = [];
  /** Rows and codes of values beside the grid, in pairs. */
  exceptions: number[] = [];
  /** The values whose code is RAW. */
  raws: number[] = [];
  private scale = 1;
  /** DECIMAL without a tolerance: the common case that `push` settles itself. */
  private isPlain = true;
  private readonly grain: number;
  private readonly epsilon: number;
  private readonly rowsMax: number;
  private readonly bits: FloatBits;
  private readonly objects: ObjectCodec | undefined;
  private nextFit = 0;
  /** Twice the corrections that the grid needed when it was chosen. */
  private tolerated = 0;

  constructor(options: ColumnOptions, bits: FloatBits) {
    this.rowsMax = options.rowsMax;
    this.bits = bits;
    this.objects = options.objects;
    this.store = new Int32Array(options.rowsMax);
    this.epsilon = options.epsilon ?? 0;
    let decimals = 0;
    let grain = 1;
    if (this.epsilon > 0) {
      while (decimals < DECIMALS_MAX && POWERS[decimals]! * this.epsilon * 2 < 1) decimals++;
      for (let next = 2; next <= this.epsilon * 2 * POWERS[decimals]!; next = step125(grain))
        grain = next;
    }
    this.grain = grain;
    this.quantum = new Quantum({ kind: DECIMAL, decimals }, bits);
    this.scale = this.quantum.scale;
    this.isPlain = this.epsilon === 0;
  }

  /** Appends a value; undefined and null are missing. */
  push(value: unknown): void {
    if (typeof value === "number") {
      if (this.isPlain) {
        const whole = Math.round(value * this.scale);
        if (
          whole / this.scale === value &&
          whole < NARROW &&
          whole > -NARROW &&
          (whole !== 0 || 1 / value > 0)
        ) {
          this.store[this.count++] = whole;
          return;
        }
      }
      this.pushNumber(value);
    } else if (value === undefined || value === null) {
      this.store[this.count++] = this.isWide ? MISSING_WIDE : MISSING;
    } else this.pushOther(value);
  }

  private pushNumber(value: number): void {
    const quantum = this.quantum;
    if (quantum.kind >= BOOLEAN) {
      this.pushOther(value);
      return;
    }
    let whole = quantum.toWhole(value);
    if (this.grain > 1) whole = Math.round(whole / this.grain) * this.grain;
    if (!this.fits(whole)) whole = Number.NaN;
    if (whole === 0) whole = 0;
    if (!this.isOnGrid(value, whole)) {
      const steps = this.epsilon > 0 ? Number.NaN : quantum.stepsTo(value, whole);
      if (steps >= -40 && Object.is(quantum.stepped(whole, steps), value))
        this.exceptions.push(this.count, steps > 0 ? 2 * steps : -2 * steps - 1);
      else {
        this.exceptions.push(this.count, value === 0 ? NEGATIVE_ZERO : RAW);
        if (value === 0) whole = 0;
        else {
          this.raws.push(value);
          whole = this.latest();
        }
      }
    } else if (quantum.kind === FLOAT64) whole = value;
    this.store[this.count++] = whole;
    if (this.raws.length > 2 + (this.count >> 3) && this.count >= this.nextFit) this.refit();
  }

  private isOnGrid(value: number, whole: number): boolean {
    if (Number.isNaN(whole)) return false;
    // Order 0 has no sign, and one double stands for a missing value in the store.
    if (this.quantum.kind === FLOAT64)
      return (whole !== 0 || Object.is(value, 0)) && value !== MISSING_WIDE;
    const back = this.quantum.toValue(whole);
    return Object.is(back, value) || (this.epsilon > 0 && Math.abs(back - value) <= this.epsilon);
  }

  private fits(whole: number): boolean {
    if (this.isWide) return Math.abs(whole) <= WHOLE_MAX;
    if (Math.abs(whole) < NARROW) return true;
    if (!(Math.abs(whole) <= WHOLE_MAX)) return false;
    this.widen();
    return true;
  }

  private widen(): void {
    const narrow = this.store;
    this.store = new Float64Array(this.rowsMax);
    this.isWide = true;
    for (let i = 0; i < this.count; i++)
      this.store[i] = narrow[i] === MISSING ? MISSING_WIDE : narrow[i]!;
  }

  /** The last whole number, so that a raw value costs nothing in the series. */
  private latest(): number {
    for (let i = this.count - 1; i >= 0; i--) if (!this.isMissing(i)) return this.store[i]!;
    return 0;
  }

  isMissing(row: number): boolean {
    return this.store[row] === (this.isWide ? MISSING_WIDE : MISSING);
  }

  /** Chooses the grid anew from the values recorded so far. */
  refit(): void {
    const values = this.values();
    this.nextFit = 2 * this.count;
    const numbers = values.filter((value) => typeof value === "number" && Number.isFinite(value));
    const quantum = chooseQuantum(numbers as number[], this.bits);
    this.clear();
    this.adopt(quantum);
    for (const value of values) this.push(value);
    this.tolerated = this.exceptions.length;
  }

  /** Chooses a better grid before coding if too many values miss the present one. */
  settle(): void {
    const isNew = this.exceptions.length > 2 * this.tolerated + (this.count >> 3);
    if (this.quantum.kind < BOOLEAN && (this.raws.length > 0 || isNew)) this.refit();
  }

  private adopt(quantum: Quantum): void {
    this.quantum = quantum;
    this.scale = quantum.scale;
    this.isPlain = quantum.kind === DECIMAL && this.epsilon === 0;
    const isFloat = quantum.kind === FLOAT32 || quantum.kind === FLOAT64;
    if (isFloat !== this.isWide) {
      this.isWide = isFloat;
      this.store = isFloat ? new Float64Array(this.rowsMax) : new Int32Array(this.rowsMax);
    }
  }

  private pushOther(value: unknown): void {
    let kind = this.quantum.kind;
    const wanted = typeof value === "boolean" ? BOOLEAN : typeof value === "string" ? TEXT : BLOB;
    if (kind !== wanted && kind !== BLOB) {
      const before = this.values();
      kind = before.every((one) => one === undefined) ? wanted : BLOB;
      if (kind === BLOB) this.encodeBlob(value);
      this.clear();
      this.adopt(new Quantum({ kind }, this.bits));
      for (const one of before) this.push(one);
    }
    this.store[this.count] =
      kind === BOOLEAN
        ? Number(value)
        : this.entry(kind === TEXT ? (value as string) : this.encodeBlob(value));
    this.count++;
  }

  private encodeBlob(value: unknown): string {
    if (!this.objects)
      throw new GodwitError("argument", `a ${typeof value} needs a channel with an object codec`);
    let text = "";
    for (const byte of this.objects.encode(value)) text += String.fromCharCode(byte);
    return text;
  }

  private decodeBlob(text: string): unknown {
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    return this.objects?.decode(bytes);
  }

  private entry(text: string): number {
    let at = this.entries.indexOf(text);
    if (at >= 0) return at;
    if (this.entries.length >= ENTRIES_MAX)
      throw new GodwitError("limit", `more than ${ENTRIES_MAX} different texts in one batch`);
    at = this.entries.length;
    this.entries.push(text);
    return at;
  }

  /** The values as they will be decoded; undefined where one is missing. */
  private values(): unknown[] {
    const values: unknown[] = [];
    const { quantum, exceptions } = this;
    let raw = 0;
    for (let i = 0, next = 0; i < this.count; i++) {
      const whole = this.store[i]!;
      let code = 0;
      if (exceptions[next] === i) {
        code = exceptions[next + 1]!;
        next += 2;
      }
      if (this.isMissing(i)) values.push(undefined);
      else if (quantum.kind === BOOLEAN) values.push(whole === 1);
      else if (quantum.kind === TEXT) values.push(this.entries[whole]);
      else if (quantum.kind === BLOB) values.push(this.decodeBlob(this.entries[whole]!));
      else if (code === NEGATIVE_ZERO) values.push(-0);
      else if (code === RAW) values.push(this.raws[raw++]);
      else if (code > 0)
        values.push(quantum.stepped(whole, code & 1 ? -((code + 1) >> 1) : code >> 1));
      else values.push(quantum.kind === FLOAT64 ? whole : quantum.toValue(whole));
    }
    return values;
  }

  clear(): void {
    this.count = 0;
    this.exceptions = [];
    this.raws = [];
    this.entries = [];
  }

  /** Removes the first `rows` rows; the grid stays. */
  drop(rows: number): void {
    if (rows >= this.count) {
      this.clear();
      this.nextFit = 0;
      return;
    }
    this.store.copyWithin(0, rows, this.count);
    this.count -= rows;
    const kept: number[] = [];
    let raws = 0;
    for (let i = 0; i < this.exceptions.length; i += 2) {
      if (this.exceptions[i]! >= rows)
        kept.push(this.exceptions[i]! - rows, this.exceptions[i + 1]!);
      else if (this.exceptions[i + 1] === RAW) raws++;
    }
    this.exceptions = kept;
    this.raws = this.raws.slice(raws);
  }
}

/** 1, 2, 5, 10, 20, 50, ... */
function step125(grain: number): number {
  const lead = Number(String(grain)[0]);
  return lead === 2 ? grain * 2.5 : grain * 2;
}
