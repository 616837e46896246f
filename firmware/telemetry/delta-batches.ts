/** Telemetry as delta batches (firmware/SPEC.md): rows of one group of channels, closed when a block is full. */

import { encodeCbor } from "../codec/cbor.ts";
import { DeltaEncoder } from "../codec/delta/encoder.ts";
import { GodwitError } from "../codec/error.ts";
import { encodePercent } from "../codec/percent.ts";
import type { Channel } from "./batcher.ts";
import type { Sample, TelemetryEncoder, TelemetryEncoding } from "./encoder.ts";
import { DELTA_TYPE, SCHEMA, schemaHash, schemaText } from "./schema-hash.ts";

export interface DeltaBatchesOptions {
  readonly channels: readonly Channel[];
  /** Size at which a batch is closed; no batch is longer. */
  readonly blockBytes: number;
  /**
   * Rows held at most: 8 bytes of RAM each, 4 per value, 8 more where no simple grid is known. Default 64; more
   * rows make fewer messages of fast channels.
   */
  readonly rowsMax?: number;
  /** Default `static`: tables instead of adaptation, less work per value. */
  readonly profile?: "static" | "adaptive";
  /** Another one of the same device: they share their work space. */
  readonly companion?: DeltaBatches | undefined;
}

export type DeltaEncodingOptions = Omit<
  DeltaBatchesOptions,
  "channels" | "blockBytes" | "companion"
>;

/** Telemetry as delta batches, for `batched`: the smallest encoding. */
export function deltaEncoding(options: DeltaEncodingOptions = {}): TelemetryEncoding {
  return (channels, blockBytes, companion) =>
    new DeltaBatches({ ...options, channels, blockBytes, companion: companion as DeltaBatches });
}

/** With it, a device of three priorities and some channels lives in 64 KB of heap. */
const ROWS_DEFAULT = 64;
/** Header, CRC and one row of the costliest numbers. */
const BATCH_BYTES_MIN = 32;
const VALUE_BYTES_MAX = 10;

export class DeltaBatches implements TelemetryEncoder {
  /** The names of the channels stay at home; the hash tells whoever decodes which ones they are. */
  readonly bag: string;
  gone = 0;
  private readonly hash: number;
  private readonly options: DeltaBatchesOptions;
  encoder: DeltaEncoder;
  private readonly row: unknown[];
  /** Block size of the next encoder. */
  private blockBytes: number;
  private encoderBytes: number;

  /** @throws GodwitError `limit` if a block is too small for one row, `argument` for impossible channels */
  constructor(options: DeltaBatchesOptions) {
    const { channels, blockBytes } = options;
    this.options = options;
    this.blockBytes = blockBytes;
    this.encoderBytes = blockBytes;
    this.row = channels.map(() => undefined);
    this.hash = schemaHash(channels.map(({ name }) => name));
    this.bag = `$.ct=${encodePercent(DELTA_TYPE)}&$.ce=identity&${SCHEMA}=${schemaText(this.hash)}`;
    this.check(blockBytes);
    this.encoder = makeEncoder(options, blockBytes, this.hash);
  }

  get isTimed(): boolean {
    return true;
  }

  /** @throws GodwitError `limit` if the row alone exceeds a block: it is dropped, those before it are kept */
  add(sample: Sample, nowMs: number): Uint8Array | undefined {
    if (this.encoderBytes !== this.blockBytes && this.encoder.rows === 0) {
      this.encoderBytes = this.blockBytes;
      this.encoder = makeEncoder(this.options, this.blockBytes, this.hash);
    }
    const { row, encoder } = this;
    const { channels } = this.options;
    for (let i = 0; i < row.length; i++) row[i] = sample[channels[i]!.name];
    encoder.record(Math.floor(nowMs), row);
    return encoder.isFull ? this.flush() : undefined;
  }

  flush(): Uint8Array | undefined {
    if (this.encoder.rows === 0) return undefined;
    try {
      const { bytes, rows } = this.encoder.take();
      this.gone += rows;
      return bytes;
    } catch (error) {
      // The oldest row does not fit into any batch: without it, the others do.
      this.encoder.drop(1);
      this.gone++;
      throw error;
    }
  }

  nextDeadlineMs(): number {
    return Infinity;
  }

  get waiting(): number {
    return this.encoder.rows;
  }

  waitingSinceMs(): number {
    return this.encoder.rows > 0 ? this.encoder.times[0]! : Infinity;
  }

  /** From the next batch on. */
  resize(blockBytes: number, isTrial: boolean): void {
    this.check(blockBytes);
    if (!isTrial) this.blockBytes = blockBytes;
  }

  private check(blockBytes: number): void {
    const needed = BATCH_BYTES_MIN + VALUE_BYTES_MAX * this.options.channels.length;
    if (blockBytes >= needed) return;
    const text = `blockBytes ${blockBytes} is too small for one row of ${this.options.channels.length} channels`;
    throw new GodwitError("limit", `${text}: at least ${needed}`);
  }
}

function makeEncoder(
  options: DeltaBatchesOptions,
  bytesMax: number,
  schemaHash: number,
): DeltaEncoder {
  const { channels, rowsMax = ROWS_DEFAULT, profile = "static", companion } = options;
  return new DeltaEncoder({
    channels: channels.map(({ name, spec: { epsilon } }) =>
      epsilon === undefined ? { name } : { name, epsilon },
    ),
    ...{ profile, tick: "ms", rowsMax, bytesMax, crc: true },
    schemaHash,
    companion: companion?.encoder,
    encodeObject: (value) => encodeCbor(value as never),
  });
}
