/** Telemetry as an array of rows, closed when a block is full: what JSON and CBOR batches have in common. */
import type { CborValue } from "../codec/cbor-value.ts";
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

const HEAD_BYTES_MAX = 3;
const TAIL_BYTES = 1;
const BUFFER_BYTES_MIN = 256;
/** Head and tail of an array, and the time of a row. */
const FRAME_BYTES_MAX = 32;
/** Values and names in a message: readers have bounds (`CBOR_ITEMS_MAX`). */
const ITEMS_MAX = 4000;
/** Quotation marks, colon, comma and a short value. */
const VALUE_BYTES_MIN = 5;

export class RowBatches implements TelemetryEncoder {
  gone = 0;
  private readonly form: RowForm;
  private readonly bytesMin: number;
  private blockBytes: number;
  /** The rows so far, with room for the head in front of them. Grows to what batches need, stays for the next one. */
  private buffer = new Uint8Array(BUFFER_BYTES_MIN);
  private at = HEAD_BYTES_MAX;
  private rows = 0;
  /** Values and names in the rows so far. */
  private items = 0;
  private firstMs = Infinity;

  /** @throws GodwitError `limit` if a block is too small for one row */
  constructor(form: RowForm, channels: readonly Channel[], blockBytes: number) {
    this.form = form;
    let bytesMin = FRAME_BYTES_MAX;
    for (const { name } of channels) bytesMin += name.length + VALUE_BYTES_MIN;
    this.bytesMin = bytesMin;
    this.blockBytes = blockBytes;
    this.check(blockBytes);
  }

  get bag(): string {
    return this.form.bag;
  }

  get isTimed(): boolean {
    return true;
  }

  /** @throws GodwitError `limit` if the row alone exceeds a block or readers: it is dropped, those before it are kept */
  add(sample: Sample, nowMs: number): Uint8Array | undefined {
    const { form, blockBytes } = this;
    const atMs = Math.floor(nowMs);
    // Name and value of the time.
    const items = itemsOf(sample as CborValue) + 2;
    if (items > ITEMS_MAX) {
      const text = `a row of ${items} values, readers take ${ITEMS_MAX}`;
      throw new GodwitError("limit", `${text}: send shorter arrays`);
    }
    const row = form.row({ [ROW_TIME]: atMs, ...sample });
    const cost = row.length + 1;
    if (HEAD_BYTES_MAX + cost + TAIL_BYTES > blockBytes) {
      const text = `a row of ${row.length} bytes does not fit blockBytes ${blockBytes}`;
      throw new GodwitError("limit", `${text}: raise blockBytes or send fewer channels`);
    }
    const isFull = this.at + cost + TAIL_BYTES > blockBytes || this.items + items > ITEMS_MAX;
    const body = isFull ? this.flush() : undefined;
    if (this.rows === 0) this.firstMs = atMs;
    this.reserve(cost + TAIL_BYTES);
    if (this.rows > 0 && form.separator >= 0) this.buffer[this.at++] = form.separator;
    this.buffer.set(row, this.at);
    this.at += row.length;
    this.rows++;
    this.items += items;
    return body;
  }

  flush(): Uint8Array | undefined {
    const { rows, form, buffer } = this;
    if (rows === 0) return undefined;
    const head = form.head(rows);
    const start = HEAD_BYTES_MAX - head.length;
    buffer.set(head, start);
    if (form.tail >= 0) buffer[this.at++] = form.tail;
    const body = buffer.slice(start, this.at);
    this.gone += rows;
    this.rows = 0;
    this.items = 0;
    this.at = HEAD_BYTES_MAX;
    this.firstMs = Infinity;
    return body;
  }

  private reserve(count: number): void {
    const { buffer, at, blockBytes } = this;
    if (at + count <= buffer.length) return;
    const room = Math.max(at + count, Math.min(2 * buffer.length, blockBytes));
    this.buffer = new Uint8Array(room);
    this.buffer.set(buffer.subarray(0, at));
  }

  nextDeadlineMs(): number {
    return Infinity;
  }

  waitingSinceMs(): number {
    return this.firstMs;
  }

  get waiting(): number {
    return this.rows;
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

/** As a reader counts them: the value itself, what it holds, and names. */
function itemsOf(value: CborValue): number {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return 1;
  let count = 1;
  if (Array.isArray(value)) for (const inner of value) count += itemsOf(inner);
  else for (const name of Object.keys(value)) count += 1 + itemsOf((value as Sample)[name]!);
  return count;
}
