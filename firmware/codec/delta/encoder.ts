// Encoder of delta batches: rows in, standalone batches of bytes out (firmware/SPEC.md).
import { crc32 } from "../crc32.ts";
import { GodwitError } from "../error.ts";
import { BodyWriter } from "./batch-body.ts";
import type { EncodeObject } from "./entries.ts";
import { FloatBits } from "./float-bits.ts";
import { HEADER_BYTES_MAX, type Profile, type Tick, timeUnitOf, writeHeader } from "./header.ts";
import { PRIORS } from "./priors-table.ts";
import { RangeEncoder } from "./range-encoder.ts";
import { type DeltaChannel, Recorder } from "./recorder.ts";
import { Series } from "./series.ts";
import { loadTimes } from "./time-steps.ts";

export interface DeltaEncoderOptions {
  channels: readonly DeltaChannel[];
  profile: Profile;
  tick: Tick;
  /** Rows held at most; memory for all of them: 12 bytes per row, 4 per value, 8 more where no simple grid is known. */
  rowsMax: number;
  /** Size that no batch exceeds. */
  bytesMax: number;
  /** Names the schema: 16 bits, in the clear header. */
  schemaHash?: number;
  /** Appends a CRC-32 over the whole batch. */
  crc?: boolean;
  /** Batches between two surveys of predictors; the first batch always has one. */
  surveyEvery?: number;
  /** Values of a channel that decide in a survey. */
  surveyValues?: number;
  /** Values coded per slice. */
  sliceValues?: number;
  /** For values that are neither numbers, booleans nor texts; and for channels that mix kinds. */
  encodeObject?: EncodeObject;
  /**
   * An encoder that takes no batch while this one does: its work space serves both, unless it is too small. Saves
   * some 8 KB for each encoder but the first.
   */
  companion?: DeltaEncoder | undefined;
  /** Other start weights than the committed ones, which no decoder expects: for training only. */
  priors?: string;
}

/** A finished batch. */
export interface DeltaBatch {
  bytes: Uint8Array;
  rows: number;
}

const BYTES_MIN = 32;
const CRC_BYTES = 4;

/** Records rows and turns them into batches. */
export class DeltaEncoder extends Recorder {
  readonly options: DeltaEncoderOptions;
  private readonly series: Series;
  private readonly buffer: Uint8Array;
  private readonly coder: RangeEncoder;
  private readonly body: BodyWriter;
  private readonly isLossy: boolean;
  private batches = 0;
  /** Where the batch at hand begins in the buffer. */
  private start = 0;
  /** Its rows. */
  private taken = 0;
  /** Estimated bytes of header and channel descriptions, and bytes per row of the last batch beyond them. */
  private readonly overhead: number;
  private bytesPerRow = 0;

  /** @throws GodwitError `argument` naming the option or channel that is impossible. */
  constructor(options: DeltaEncoderOptions) {
    const { bytesMax, channels, profile, priors = PRIORS } = options;
    if (!(bytesMax >= BYTES_MIN && bytesMax <= 0x100000))
      throw new GodwitError("argument", `bytesMax ${bytesMax}, must be ${BYTES_MIN} to 1048576`);
    const shared = spaceFor(options);
    const bits = new FloatBits();
    super(channels, options.rowsMax, bits, options.encodeObject);
    this.options = options;
    this.overhead = 8 + 4 * channels.length;
    this.series = shared?.series ?? new Series(options.rowsMax);
    // The body begins at an even place behind the largest header; the header then stands right before it.
    // The end of a stream writes up to two pairs of zeros more, which are taken off again.
    const pairs = ((bytesMax + 1) >> 1) + 2;
    this.buffer = shared?.buffer ?? new Uint8Array(HEADER_BYTES_MAX + 2 * pairs + CRC_BYTES);
    const units = new Uint16Array(this.buffer.buffer, HEADER_BYTES_MAX, pairs);
    this.coder = shared?.coder ?? new RangeEncoder(units, profile === "adaptive", priors);
    this.isLossy = channels.some((channel) => channel.epsilon !== undefined);
    this.body = new BodyWriter({
      coder: this.coder,
      series: this.series,
      bits,
      recorder: this,
      companion: shared?.body,
    });
  }

  /** Rows recorded and not yet taken. */
  get rows(): number {
    return this.count;
  }

  /** Size that the recorded rows will have, by the last batch; a guess of 16 bits per value before. */
  get predictedBytes(): number {
    const perRow = this.bytesPerRow || 2 * (1 + this.options.channels.length);
    return Math.ceil(this.overhead + this.count * perRow);
  }

  /** Whether a batch should be taken now: the rows or the bytes are used up. */
  get isFull(): boolean {
    return this.count >= this.options.rowsMax || this.predictedBytes >= this.options.bytesMax;
  }

  /**
   * Encodes the recorded rows, as many as fit into one batch, and forgets them.
   * @throws GodwitError `limit` if not even one row fits; the rows are kept.
   */
  take(): DeltaBatch {
    const { body } = this;
    const { rowsMax } = this.options;
    for (this.begin(); ; ) {
      while (body.step(rowsMax));
      const batch = this.finish();
      if (batch) return batch;
    }
  }

  /** As `take`, in slices of bounded work: call `next()` until it is done. Record nothing meanwhile. */
  *slices(): Generator<undefined, DeltaBatch> {
    const { sliceValues = 64 } = this.options;
    for (this.begin(); ; ) {
      while (this.body.step(sliceValues)) yield;
      const batch = this.finish();
      if (batch) return batch;
      yield;
    }
  }

  /** Begins a batch of all rows. */
  private begin(): void {
    const { surveyEvery = 16, surveyValues } = this.options;
    let survey = 0;
    if (this.batches === 0) survey = surveyValues ?? 512;
    else if (this.batches % surveyEvery === 0) survey = surveyValues ?? 64;
    this.encode(this.count, survey);
  }

  /** Ends a batch. Without result it was too large, and a smaller one is begun. */
  private finish(): DeltaBatch | undefined {
    const { bytesMax } = this.options;
    const rows = this.taken;
    const size = this.close();
    if (size <= bytesMax) {
      const bytes = this.buffer.slice(this.start, this.start + size);
      if (rows > 0) this.bytesPerRow = Math.max(1 / 64, (size - this.overhead) / rows);
      this.drop(rows);
      this.batches++;
      return { bytes, rows };
    }
    if (rows <= 1) throw new GodwitError("limit", `bytesMax ${bytesMax} is too small for one row`);
    const share = Math.min(0.97, (0.98 * bytesMax) / size);
    this.encode(Math.max(1, Math.floor(rows * share)), 0);
    return undefined;
  }

  /** Writes the header of the first `rows` rows and begins their body. */
  private encode(rows: number, survey: number): void {
    const { body, buffer, coder, options } = this;
    const { profile, tick, schemaHash, crc: hasCrc = false } = options;
    const firstTime = rows > 0 ? this.times[0]! : 0;
    const divisor = loadTimes(this.series, this.times, rows);
    if (divisor < 0) {
      this.encode(-divisor, survey);
      return;
    }
    const timeUnit = timeUnitOf(firstTime, divisor, tick);
    const { isLossy } = this;
    const header = { profile, tick, schemaHash, hasCrc, isLossy, rows, firstTime, timeUnit };
    const length = writeHeader(header, buffer);
    this.start = HEADER_BYTES_MAX - length;
    buffer.copyWithin(this.start, 0, length);
    this.taken = rows;
    coder.start();
    body.start(rows, timeUnit, survey);
  }

  /** Size of the batch in the buffer; more than the limit if it does not fit. */
  private close(): number {
    const { buffer, options, start } = this;
    const end = HEADER_BYTES_MAX + this.coder.finish();
    if (!options.crc) return end - start;
    if (end + CRC_BYTES - start <= options.bytesMax) {
      const sum = crc32(buffer.subarray(start, end));
      for (let i = 0; i < CRC_BYTES; i++) buffer[end + i] = sum >>> (24 - 8 * i);
    }
    return end + CRC_BYTES - start;
  }
}

function spaceFor({ companion, profile, priors, rowsMax, bytesMax }: DeltaEncoderOptions) {
  const own = companion?.options;
  if (own?.profile !== profile || own.priors !== priors) return undefined;
  return own.rowsMax >= rowsMax && own.bytesMax >= bytesMax ? companion : undefined;
}
