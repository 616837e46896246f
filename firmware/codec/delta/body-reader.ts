// Body of a batch, reading side (firmware/SPEC.md §5, §6). Every count, length and number is checked before it is used.
import { decodeUtf8 } from "../utf8.ts";
import type { DecodedBatch, DecodeOptions } from "./decoded-batch.ts";
import { FloatBits } from "./float-bits.ts";
import type { ReadHeader } from "./header.ts";
import {
  BLOB,
  BOOLEAN,
  CELLS_MAX,
  CHANNELS_MAX,
  CONSTANT,
  DIGITS,
  DIVISORS,
  ENTRIES_BYTES_MAX,
  ENTRIES_MAX,
  ENTRY_BYTES_MAX,
  FLOAT32,
  FLOAT64,
  MEAN,
  NONE,
  PLAIN,
  RAW,
  SAME,
  T_DECIMALS,
  T_EXACT,
  T_FIRST,
  T_FLAGS,
  T_GCD,
  T_KIND,
  T_LENGTH,
  T_PLAN,
  T_PRESENT,
  T_SMALL,
  T_TIME_FIRST,
  T_TIME_GCD,
  T_TIME_PLAN,
  T_ULP,
  T_WIDE,
  TAIL_BITS,
  TEXT,
  UNUSED,
} from "./layout.ts";
import { DECIMALS_MAX, DIGITS_MAX, Quantum, type QuantumOptions } from "./quantum.ts";
import type { RangeDecoder } from "./range-decoder.ts";
import { SeriesDecoder } from "./series-decoder.ts";
import { type Corrections, doublesOf, malformed, valuesOf } from "./value-reader.ts";

const STEP = PLAIN + 1;
const SAFE = Number.MAX_SAFE_INTEGER;

/** Reads the body of a batch; apart from `decodeBatch` only for those who watch the symbols. */
export class BodyReader {
  private readonly coder: RangeDecoder;
  private readonly header: ReadHeader;
  private readonly options: DecodeOptions;
  private readonly x: Int32Array;
  private readonly series: SeriesDecoder;
  private readonly bits = new FloatBits();
  private before: Quantum | undefined;
  private channel = -1;
  private entryBytes = 0;

  constructor(coder: RangeDecoder, header: ReadHeader, options: DecodeOptions) {
    this.coder = coder;
    this.header = header;
    this.options = options;
    this.x = new Int32Array(header.rows);
    this.series = new SeriesDecoder(coder);
  }

  read(): DecodedBatch {
    const { header } = this;
    const count = this.coder.number(T_LENGTH, CHANNELS_MAX);
    if (count * header.rows > CELLS_MAX)
      throw malformed(`${header.rows} rows of ${count} channels, at most ${CELLS_MAX} values`);
    const times = this.times();
    const channels: unknown[][] = [];
    for (let i = 0; i < count; i++) {
      this.channel = i;
      channels.push(header.rows === 0 ? [] : this.column());
    }
    return { header, times, channels };
  }

  private times(): Float64Array {
    const { rows, firstTime, timeUnit } = this.header;
    const times = new Float64Array(rows);
    if (rows > 0) times[0] = firstTime;
    if (rows < 2) return times;
    const steps = this.numbers(rows - 1, T_TIME_PLAN, T_TIME_FIRST, T_TIME_GCD);
    let time = firstTime;
    for (let i = 1; i < rows; i++) {
      time += steps[i - 1]! * timeUnit;
      if (!Number.isSafeInteger(time)) throw malformed(`time of row ${i} beyond 53 bits`);
      times[i] = time;
    }
    return times;
  }

  /** A series of whole numbers. */
  private numbers(count: number, tPlan: number, tFirst: number, tGcd: number): Float64Array {
    const { coder, x } = this;
    const plan = coder.symbol(tPlan);
    let first = coder.number(tFirst, SAFE);
    if (first !== 0 && coder.raw(1) === 1) first = -first;
    const out = new Float64Array(count).fill(first);
    if (plan === CONSTANT) return out;
    if (plan > CONSTANT) throw malformed(`unknown plan ${plan} in channel ${this.channel}`);
    const divisor = coder.number(tGcd, SAFE - 1) + 1;
    const low = coder.number(T_WIDE, 30);
    const tails =
      low < TAIL_BITS ? undefined : Uint16Array.from(x.subarray(1, count), () => coder.takeTail());
    this.series.read(x, count, plan);
    const unit = 2 ** low;
    const rest = low % TAIL_BITS;
    for (let i = 1; i < count; i++) {
      let quotient = x[i]! * unit;
      if (tails) quotient += tails[i - 1]!;
      if (rest > 0) quotient += coder.bits(rest) * (tails ? 2 ** TAIL_BITS : 1);
      const value = first + quotient * divisor;
      if (!(Math.abs(value) <= SAFE))
        throw malformed(`number ${i} of channel ${this.channel} beyond 53 bits`);
      out[i] = value;
    }
    return out;
  }

  private column(): unknown[] {
    const { coder } = this;
    const { rows } = this.header;
    const quantum = this.kind();
    if (!quantum) return new Array(rows).fill(undefined);
    const flags = coder.symbol(T_FLAGS);
    if (flags > 3 || (flags > 1 && quantum.kind >= BOOLEAN))
      throw malformed(`unknown flags ${flags} in channel ${this.channel}`);
    const missing = flags & 1 ? this.flags(T_PRESENT, rows) : undefined;
    let count = rows;
    if (missing) {
      for (const bit of missing) count -= bit;
      if (count === 0) throw malformed(`no values in channel ${this.channel}`);
    }
    const codes = flags & 2 ? this.exceptions(count) : undefined;
    const entries = quantum.kind === TEXT || quantum.kind === BLOB ? this.entries(quantum) : [];
    const wholes = this.numbers(count, T_PLAN, T_FIRST, T_GCD);
    const source = { wholes, codes, entries, channel: this.channel };
    const values =
      quantum.kind === FLOAT64
        ? doublesOf(source, this.coder, this.bits)
        : valuesOf(source, quantum);
    if (!missing) return values;
    let next = 0;
    return Array.from(missing, (bit) => (bit ? undefined : values[next++]));
  }

  private kind(): Quantum | undefined {
    const { coder } = this;
    const kind = coder.symbol(T_KIND);
    if (kind === NONE) return undefined;
    if (kind === SAME) {
      if (!this.before) throw malformed(`channel ${this.channel} refers to no channel`);
      return this.before;
    }
    if (kind > BLOB || kind === UNUSED)
      throw malformed(`unknown kind ${kind} in channel ${this.channel}`);
    const options: QuantumOptions = { kind };
    if (kind < FLOAT32) {
      options.decimals = coder.number(T_DECIMALS, DECIMALS_MAX);
      if (kind === MEAN) {
        const index = coder.raw(3);
        if (index >= DIVISORS.length) throw malformed(`unknown divisor in channel ${this.channel}`);
        options.divisor = DIVISORS[index]!;
      }
      if (kind === DIGITS) {
        options.digits = coder.raw(4);
        if (options.digits > DIGITS_MAX || options.digits === 0)
          throw malformed(`${options.digits} digits in channel ${this.channel}`);
      }
    }
    this.before = new Quantum(options, this.bits);
    return this.before;
  }

  private double(): number {
    const { coder } = this;
    const isNegative = coder.raw(1) === 1;
    const order = coder.bits(51);
    return this.bits.fromOrder64(order, coder.raw(12), isNegative);
  }

  /** `count` flags, four per symbol; the table follows the four before. */
  private flags(base: number, count: number): Uint8Array {
    const flags = new Uint8Array(count);
    let table = base;
    for (let i = 0; i < count; i += 4) {
      const pattern = this.coder.symbol(table);
      if (i + 4 > count && pattern >> (count - i) > 0)
        throw malformed(`flag behind the last value in channel ${this.channel}`);
      for (let j = 0; j < 4 && i + j < count; j++) flags[i + j] = (pattern >> j) & 1;
      table = pattern === 0 ? base : pattern === 15 ? base + 2 * STEP : base + STEP;
    }
    return flags;
  }

  /** Codes of corrections by value; a raw double stands in an own list behind them. */
  private exceptions(count: number): Corrections {
    const codes: Corrections = new Map();
    this.flags(T_EXACT, count).forEach((isOff, i) => {
      if (!isOff) return;
      const code = this.coder.number(T_ULP, RAW - 1) + 1;
      codes.set(i, code === RAW ? { raw: this.double() } : code);
    });
    return codes;
  }

  private entries(quantum: Quantum): unknown[] {
    const { coder, options } = this;
    const entries: unknown[] = [];
    const count = coder.number(T_SMALL, Math.min(ENTRIES_MAX, this.header.rows));
    for (let i = 0; i < count; i++) {
      const bytes = new Uint8Array(coder.number(T_LENGTH, ENTRY_BYTES_MAX));
      this.entryBytes += bytes.length;
      if (this.entryBytes > ENTRIES_BYTES_MAX)
        throw malformed(`texts of more than ${ENTRIES_BYTES_MAX} bytes`);
      for (let j = 0; j < bytes.length; j++) bytes[j] = coder.raw(8);
      if (quantum.kind === TEXT) entries.push(decodeUtf8(bytes));
      else entries.push(options.decodeObject ? options.decodeObject(bytes) : bytes);
    }
    return entries;
  }
}
