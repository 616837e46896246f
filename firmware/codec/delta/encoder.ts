// Encoder of delta batches: rows in, standalone batches of bytes out (firmware/SPEC.md).
import { crc32 } from "../crc32.ts";
import { GodwitError } from "../error.ts";
import { BodyWriter } from "./batch-body.ts";
import type { EncodeObject } from "./column.ts";
import { FloatBits } from "./float-bits.ts";
import { HEADER_BYTES_MAX, type Profile, type Tick, timeUnit, writeHeader } from "./header.ts";
import { Planner } from "./plan.ts";
import { PRIORS } from "./priors-table.ts";
import { RangeEncoder } from "./range-encoder.ts";
import { type DeltaChannel, Recorder } from "./recorder.ts";
import { Series } from "./series.ts";

export interface DeltaEncoderOptions {
  channels: readonly DeltaChannel[];
  profile: Profile;
  tick: Tick;
  /** Rows held at most; memory is taken for all of them: 12 bytes per row and 8 per value. */
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
    this.buffer = shared?.buffer ?? new Uint8Array(bytesMax + CRC_BYTES + HEADER_BYTES_MAX);
    this.coder = shared?.coder ?? new RangeEncoder(this.buffer, profile === "adaptive", priors);
    this.isLossy = channels.some((channel) => channel.epsilon !== undefined);
    this.body = new BodyWriter({
      coder: this.coder,
      series: this.series,
      bits,
      recorder: this,
      sliceValues: options.sliceValues ?? 64,
      encoder: shared?.body.encoder,
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
    const slices = this.slices();
    for (;;) {
      const slice = slices.next();
      if (slice.done) return slice.value;
    }
  }

  /** As `take`, in slices of bounded work: call `next()` until it is done. Record nothing meanwhile. */
  *slices(): Generator<undefined, DeltaBatch> {
    const { bytesMax, surveyEvery = 16, surveyValues, priors = PRIORS } = this.options;
    let rows = this.count;
    let planner: Planner | undefined;
    if (this.batches === 0) planner = new Planner(surveyValues ?? 512, priors);
    else if (this.batches % surveyEvery === 0) planner = new Planner(surveyValues ?? 64, priors);
    for (;;) {
      const size = yield* this.encode(rows, planner);
      if (size <= bytesMax) {
        const bytes = this.buffer.slice(0, size);
        if (rows > 0) this.bytesPerRow = Math.max(1 / 64, (size - this.overhead) / rows);
        this.drop(rows);
        this.batches++;
        return { bytes, rows };
      }
      if (rows <= 1)
        throw new GodwitError("limit", `bytesMax ${bytesMax} is too small for one row`);
      const share = Math.min(0.97, (0.98 * bytesMax) / size);
      rows = Math.max(1, Math.floor(rows * share));
      planner = undefined;
    }
  }

  /** Size of the first `rows` rows in the buffer; more than the limit if they do not fit. */
  private *encode(rows: number, planner: Planner | undefined): Generator<undefined, number> {
    const { options, coder } = this;
    const { profile, tick, schemaHash, crc = false } = options;
    const { times } = this;
    const firstTime = rows > 0 ? times[0]! : 0;
    const unit = timeUnit(times, rows, tick);
    coder.start(
      writeHeader(
        {
          profile,
          tick,
          schemaHash,
          hasCrc: crc,
          isLossy: this.isLossy,
          rows,
          firstTime,
          timeUnit: unit,
        },
        this.buffer,
      ),
    );
    for (const _ of this.body.write(rows, unit, planner)) yield;
    const end = coder.finish();
    if (!crc) return end;
    if (end + CRC_BYTES <= options.bytesMax) {
      const sum = crc32(this.buffer.subarray(0, end));
      for (let i = 0; i < CRC_BYTES; i++) this.buffer[end + i] = sum >>> (24 - 8 * i);
    }
    return end + CRC_BYTES;
  }
}

function spaceFor({ companion, profile, priors, rowsMax, bytesMax }: DeltaEncoderOptions) {
  const own = companion?.options;
  if (own?.profile !== profile || own.priors !== priors) return undefined;
  return own.rowsMax >= rowsMax && own.bytesMax >= bytesMax ? companion : undefined;
}
