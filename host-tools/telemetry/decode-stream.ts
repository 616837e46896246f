// A stream of messages to rows: from bytes of a file, stdin or the hub, as they come.
import type { ModelSpec } from "../../firmware/model/types.ts";
import { UserError } from "../user-error.ts";
import { Delivery } from "./delivery.ts";
import { JsonSplitter } from "./json-values.ts";
import { messageOf, type TelemetryMessage } from "./message.ts";
import { type BootTime, BootTimes, type Row, rowsOf, Schemas } from "./rows.ts";

export interface DecodeStreamOptions {
  /** Name of the source in reports and errors. */
  readonly source: string;
  /** Names the channels of delta batches. */
  readonly model?: ModelSpec;
  readonly deviceId?: string;
  /** A message that cannot be decoded; decoding goes on. */
  onDamaged(error: UserError): void;
  /** A message tells when a boot began, and rows given before need it. Who keeps them uses `bootTimes` instead. */
  onBootTime?(time: BootTime): void;
}

/** Decodes one stream; `delivery` reports on it at any time. */
export class StreamDecoder {
  readonly delivery = new Delivery();
  readonly bootTimes = new BootTimes();
  private readonly options: DecodeStreamOptions;
  private readonly schemas: Schemas;

  constructor(options: DecodeStreamOptions) {
    this.options = options;
    this.schemas = new Schemas(options.model);
  }

  /**
   * Rows of the events in `chunks`, in the order of arrival, repetitions left out.
   * @throws UserError with source and byte where the stream is foreign or cut off; rows before that have been given
   */
  async *rows(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Row> {
    const { source } = this.options;
    const splitter = new JsonSplitter(source);
    for await (const chunk of chunks)
      for (const { bytes, offset } of splitter.push(chunk)) yield* this.decode(bytes, offset);
    splitter.end();
  }

  private *decode(bytes: Uint8Array, offset: number): Generator<Row> {
    const { source, deviceId, onDamaged } = this.options;
    try {
      const message = messageOf(bytes, source, offset);
      if (!message || (deviceId !== undefined && message.deviceId !== deviceId)) return;
      const rows = this.take(message);
      for (const row of rows) this.bootTimes.complete(row);
      yield* rows;
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      onDamaged(error);
    }
  }

  private take(message: TelemetryMessage): Row[] {
    // Decoded before it counts: a damaged copy must not hide a good one that follows.
    const rows = rowsOf(message, this.schemas);
    const time = this.bootTimes.learn(message);
    if (time) this.options.onBootTime?.(time);
    return this.delivery.take(message) ? rows : [];
  }
}
