/** Telemetry as delta batches (firmware/SPEC.md): rows of one group of channels, closed when a block is full. */

import { encodeCbor } from "../codec/cbor.ts";
import type { DeltaBatch } from "../codec/delta/encoder.ts";
import { DeltaEncoder } from "../codec/delta/encoder.ts";
import { GodwitError } from "../codec/error.ts";
import type { Channel } from "./batcher.ts";
import type { Sample, TelemetryEncoder } from "./encoder.ts";

export interface DeltaBatchesOptions {
  readonly channels: readonly Channel[];
  /** Size at which a batch is closed; no batch is longer. */
  readonly blockBytes: number;
  /** Rows held at most: 12 bytes of RAM each, 8 per value. Default 128. */
  readonly rowsMax?: number;
  /** Default `static`: tables instead of adaptation, less work per value. */
  readonly profile?: "static" | "adaptive";
  /** Names the model for whoever decodes; 16 bits. */
  readonly schemaHash?: number;
}

/** Header, CRC and one row of the costliest numbers. */
const BATCH_BYTES_MIN = 32;
const VALUE_BYTES_MAX = 10;

export class DeltaBatches implements TelemetryEncoder {
  private readonly options: DeltaBatchesOptions;
  private encoder: DeltaEncoder;
  private readonly row: unknown[];
  /** Block size of the next encoder. */
  private blockBytes: number;
  private encoderBytes: number;
  /** Times of the rows that wait: a batch may take fewer than all of them. */
  private readonly times: number[] = [];

  /** @throws GodwitError `limit` if a block is too small for one row, `argument` for impossible channels */
  constructor(options: DeltaBatchesOptions) {
    const { channels, blockBytes } = options;
    this.options = options;
    this.blockBytes = blockBytes;
    this.encoderBytes = blockBytes;
    this.row = channels.map(() => undefined);
    this.check(blockBytes);
    this.encoder = makeEncoder(options, blockBytes);
  }

  get bag(): string {
    return "$.ct=application%2Fvnd.godwit.delta";
  }

  get isTimed(): boolean {
    return true;
  }

  /** @throws GodwitError `limit` if the row alone exceeds a block: it is dropped, those before it are kept */
  add(sample: Sample, nowMs: number): Uint8Array | undefined {
    if (this.encoderBytes !== this.blockBytes && this.times.length === 0) {
      this.encoderBytes = this.blockBytes;
      this.encoder = makeEncoder(this.options, this.blockBytes);
    }
    const { row, encoder } = this;
    const { channels } = this.options;
    for (let i = 0; i < row.length; i++) row[i] = sample[channels[i]!.name];
    const atMs = Math.floor(nowMs);
    encoder.record(atMs, row);
    this.times.push(atMs);
    return encoder.isFull ? this.flush() : undefined;
  }

  flush(): Uint8Array | undefined {
    if (this.encoder.rows === 0) return undefined;
    try {
      const batch: DeltaBatch = this.encoder.take();
      this.times.splice(0, batch.rows);
      return batch.bytes;
    } catch (error) {
      // The oldest row does not fit into any batch: without it, the others do.
      this.encoder.drop(1);
      this.times.shift();
      throw error;
    }
  }

  nextDeadlineMs(): number {
    return Infinity;
  }

  waitingSinceMs(): number {
    return this.times.length > 0 ? this.times[0]! : Infinity;
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

function makeEncoder(options: DeltaBatchesOptions, bytesMax: number): DeltaEncoder {
  const { channels, rowsMax = 128, profile = "static", schemaHash } = options;
  return new DeltaEncoder({
    channels: channels.map(({ name, spec: { epsilon } }) =>
      epsilon === undefined ? { name } : { name, epsilon },
    ),
    ...{ profile, tick: "ms", rowsMax, bytesMax, crc: true },
    ...(schemaHash === undefined ? undefined : { schemaHash }),
    encodeObject: (value) => encodeCbor(value as never),
  });
}
