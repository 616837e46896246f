/** Telemetry as an array of rows, closed when a block is full: what JSON and CBOR batches have in common. */
import { GodwitError } from "../codec/error.ts";
import type { Channel } from "./batcher.ts";
import type { Sample, TelemetryEncoder } from "./encoder.ts";

/**
 * Member of a row with its time: milliseconds since boot, to be added to the `epoch` of the message. No channel is
 * called so: DTDL names begin with a letter.
 */
export const ROW_TIME = "_t";

/** How an array is written. */
export interface RowForm {
  /** Encoded property bag: content type and encoding. */
  readonly bag: string;
  row(values: Sample): Uint8Array;
  head(count: number): Uint8Array;
  /** Bytes between two rows and behind the last one; -1: none. */
  readonly separator: number;
  readonly tail: number;
}

/** Head and tail of an array, and what the time of its first row needs. */
const FRAME_BYTES_MAX = 32;
/** Values and names in a message: readers have bounds (`CBOR_ITEMS_MAX`). */
const ITEMS_MAX = 4000;
/** Quotation marks, colon, comma and a short value. */
const VALUE_BYTES_MIN = 5;

export class RowBatches implements TelemetryEncoder {
  gone = 0;
  private readonly form: RowForm;
  private readonly bytesMin: number;
  private readonly rowsMax: number;
  private blockBytes: number;
  private rows: Uint8Array[] = [];
  private bytes = FRAME_BYTES_MAX;
  private firstMs = Infinity;

  /** @throws GodwitError `limit` if a block is too small for one row */
  constructor(form: RowForm, channels: readonly Channel[], blockBytes: number) {
    this.form = form;
    let bytesMin = FRAME_BYTES_MAX;
    for (const { name } of channels) bytesMin += name.length + VALUE_BYTES_MIN;
    this.bytesMin = bytesMin;
    this.rowsMax = Math.max(1, Math.floor(ITEMS_MAX / (2 * channels.length + 3)));
    this.blockBytes = blockBytes;
    this.check(blockBytes);
  }

  get bag(): string {
    return this.form.bag;
  }

  get isTimed(): boolean {
    return true;
  }

  /** @throws GodwitError `limit` if the row alone exceeds a block: it is dropped, those before it are kept */
  add(sample: Sample, nowMs: number): Uint8Array | undefined {
    const { form, blockBytes } = this;
    const atMs = Math.floor(nowMs);
    const row = form.row({ [ROW_TIME]: atMs, ...sample });
    const cost = row.length + 1;
    if (FRAME_BYTES_MAX + cost > blockBytes) {
      const text = `a row of ${row.length} bytes does not fit blockBytes ${blockBytes}`;
      throw new GodwitError("limit", `${text}: raise blockBytes or send fewer channels`);
    }
    const isFull = this.bytes + cost > blockBytes || this.rows.length >= this.rowsMax;
    const body = isFull ? this.flush() : undefined;
    if (this.rows.length === 0) this.firstMs = atMs;
    this.rows.push(row);
    this.bytes += cost;
    return body;
  }

  flush(): Uint8Array | undefined {
    const { rows, form } = this;
    if (rows.length === 0) return undefined;
    const head = form.head(rows.length);
    let length = head.length + (form.separator < 0 ? 0 : rows.length - 1);
    if (form.tail >= 0) length++;
    for (const row of rows) length += row.length;
    const body = new Uint8Array(length);
    body.set(head);
    let at = head.length;
    for (const row of rows) {
      if (at > head.length && form.separator >= 0) body[at++] = form.separator;
      body.set(row, at);
      at += row.length;
    }
    if (form.tail >= 0) body[at] = form.tail;
    this.gone += rows.length;
    this.rows = [];
    this.bytes = FRAME_BYTES_MAX;
    this.firstMs = Infinity;
    return body;
  }

  nextDeadlineMs(): number {
    return Infinity;
  }

  waitingSinceMs(): number {
    return this.firstMs;
  }

  get waiting(): number {
    return this.rows.length;
  }

  resize(blockBytes: number, isTrial: boolean): void {
    this.check(blockBytes);
    if (!isTrial) this.blockBytes = blockBytes;
  }

  private check(blockBytes: number): void {
    if (blockBytes >= this.bytesMin) return;
    const text = `blockBytes ${blockBytes} is too small for one row of these channels`;
    throw new GodwitError("limit", `${text}: at least ${this.bytesMin}`);
  }
}
