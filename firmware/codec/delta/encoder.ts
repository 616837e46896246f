// Recorder of delta batches: rows in, standalone batches of bytes out (firmware/SPEC.md).
import { crc16 } from "../crc16.ts";
import { GodwitError } from "../error.ts";
import { BodyWriter } from "./batch-body.ts";
import { Column, type ObjectCodec } from "./column.ts";
import { gcd } from "./fit.ts";
import { FloatBits } from "./float-bits.ts";
import { type Profile, type Tick, timeUnit, writeHeader } from "./header.ts";
import { CHANNELS_MAX, ROWS_MAX } from "./layout.ts";
import { Planner } from "./plan.ts";
import { PRIORS } from "./priors-table.ts";
import { RangeEncoder } from "./range-encoder.ts";
import { Series } from "./series.ts";

/** Batches between two surveys of predictors, and values of a series that decide in one. */
const SURVEY_EVERY = 16;
const SAMPLE_MAX = 512;

/** A channel as the recorder needs to know it. */
export interface DeltaChannel {
  name: string;
  /** Largest error of a decoded value, in the channel's unit; absent: exact. */
  epsilon?: number;
}

export interface DeltaEncoderOptions {
  channels: readonly DeltaChannel[];
  profile: Profile;
  tick: Tick;
  /** Rows held at most; memory is taken for all of them. */
  rowsMax: number;
  /** Size that no batch exceeds. */
  bytesMax: number;
  schemaHash?: number;
  /** Appends a CRC-16 over the whole batch. */
  crc?: boolean;
  /** Values of one channel that decide on its predictor in a survey. */
  sampleMax?: number;
  /** Values coded per slice; default 64. */
  sliceValues?: number;
  /** Other start weights than the committed ones, unknown to any decoder: for training only. */
  priors?: string;
  /** For values that are neither numbers, booleans nor texts. */
  objects?: ObjectCodec;
}

/** A finished batch. */
export interface DeltaBatch {
  bytes: Uint8Array;
  rows: number;
}

export class DeltaEncoder {
  private readonly options: DeltaEncoderOptions;
  private readonly times: Float64Array;
  private readonly columns: Column[] = [];
  private readonly bits = new FloatBits();
  private readonly series: Series;
  private readonly buffer: Uint8Array;
  /** Plan of the time (first) and of every channel, from the last survey. */
  private readonly plans: Uint8Array;
  private batches = 0;
  private count = 0;

  /** @throws GodwitError `argument` naming the option or channel that is impossible. */
  constructor(options: DeltaEncoderOptions) {
    const { channels, rowsMax } = options;
    if (!(rowsMax >= 1 && rowsMax <= ROWS_MAX))
      throw new GodwitError("argument", `rowsMax must be 1 to ${ROWS_MAX}`);
    if (channels.length > CHANNELS_MAX)
      throw new GodwitError("argument", `at most ${CHANNELS_MAX} channels`);
    this.options = options;
    this.times = new Float64Array(rowsMax);
    this.series = new Series(rowsMax);
    this.plans = new Uint8Array(channels.length + 1);
    for (const { name, epsilon } of channels) {
      if (epsilon !== undefined && !(epsilon > 0 && epsilon < Infinity))
        throw new GodwitError("argument", `channel ${name}: epsilon must be above 0`);
      this.columns.push(new Column({ rowsMax, epsilon, objects: options.objects }, this.bits));
    }
    this.buffer = new Uint8Array(options.bytesMax + 8);
  }

  get rows(): number {
    return this.count;
  }

  /**
   * Records one row; `values` in the order of the channels.
   * @throws GodwitError `limit` when no row fits any more, `argument` for a time that is no safe integer.
   */
  record(time: number, values: ArrayLike<unknown>): void {
    if (this.count >= this.options.rowsMax) throw new GodwitError("limit", "rowsMax reached");
    if (!Number.isSafeInteger(time))
      throw new GodwitError("argument", `time ${time} is not a whole number of ticks`);
    for (let i = 0; i < this.columns.length; i++) this.columns[i]!.push(values[i]);
    this.times[this.count++] = time === 0 ? 0 : time;
  }

  /** Encodes the recorded rows, as many as fit, and forgets them. */
  take(): DeltaBatch {
    const slices = this.slices();
    for (;;) {
      const slice = slices.next();
      if (slice.done) return slice.value;
    }
  }

  /** As `take`, in slices of bounded work: call `next()` until it is done. Record nothing in between. */
  *slices(): Generator<undefined, DeltaBatch> {
    let rows = this.count;
    for (const column of this.columns) column.settle();
    for (;;) {
      const end = yield* this.encode(rows);
      if (end <= this.options.bytesMax) {
        const bytes = this.buffer.slice(0, end);
        this.drop(rows);
        this.batches++;
        return { bytes, rows };
      }
      if (rows <= 1)
        throw new GodwitError("limit", `one row needs more than ${this.options.bytesMax} bytes`);
      rows = Math.max(
        1,
        Math.min(rows - 1, Math.floor((rows * this.options.bytesMax * 0.98) / end)),
      );
    }
  }

  private *encode(rows: number): Generator<undefined, number> {
    const { options, times } = this;
    const { profile, tick, schemaHash, priors = PRIORS } = options;
    let divisor = rows > 0 ? times[0]! : 0;
    for (let i = 1; i < rows && divisor !== 1; i++) divisor = gcd(times[i]! - times[0]!, divisor);
    const unit = timeUnit(divisor, tick);
    const start = writeHeader(
      {
        profile,
        tick,
        schemaHash,
        hasCrc: options.crc === true,
        isLossy: options.channels.some((channel) => channel.epsilon !== undefined),
        rows,
        firstTime: rows > 0 ? times[0]! : 0,
        timeUnit: unit,
      },
      this.buffer,
    );
    const coder = new RangeEncoder(this.buffer, start, profile === "adaptive", priors);
    const planner =
      this.batches % SURVEY_EVERY === 0
        ? new Planner(this.series.x, options.sampleMax ?? SAMPLE_MAX, priors)
        : undefined;
    const body = new BodyWriter(
      coder,
      this.series,
      this.bits,
      this.plans,
      planner,
      options.sliceValues ?? 64,
    );
    for (const _ of body.write(times, rows, unit, this.columns)) {
      if (coder.length > this.buffer.length) return coder.length;
      yield;
    }
    const end = coder.finish();
    if (!options.crc) return end;
    if (end + 2 > options.bytesMax) return end + 2;
    const crc = crc16(this.buffer, end);
    this.buffer[end] = crc >> 8;
    this.buffer[end + 1] = crc & 255;
    return end + 2;
  }

  private drop(rows: number): void {
    for (const column of this.columns) column.drop(rows);
    this.times.copyWithin(0, rows, this.count);
    this.count -= rows;
  }
}
