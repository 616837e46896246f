// Rows of a batch while it is recorded: one double per value, texts and objects by number.
import { GodwitError } from "../error.ts";
import { Column, type EncodeObject } from "./column.ts";
import type { FloatBits } from "./float-bits.ts";
import { CELLS_MAX, CHANNELS_MAX, ROWS_MAX } from "./layout.ts";

const TIME_MAX = Number.MAX_SAFE_INTEGER;

/** A channel as the recorder needs to know it. */
export interface DeltaChannel {
  name: string;
  /** Largest error of a decoded value, in the channel's unit; absent: exact. */
  epsilon?: number;
}

export class Recorder {
  readonly columns: Column[] = [];
  readonly times: Float64Array;
  /** Values row by row; NaN where there is none. */
  readonly raw: Float64Array;
  count = 0;
  readonly rowsMax: number;
  private readonly width: number;
  private readonly channels: readonly DeltaChannel[];
  /** All channels hold numbers so far. */
  private isNumeric = true;

  /** @throws GodwitError `argument` naming the channel or limit that is impossible. */
  constructor(
    channels: readonly DeltaChannel[],
    rowsMax: number,
    bits: FloatBits,
    encodeObject: EncodeObject | undefined,
  ) {
    if (channels.length > CHANNELS_MAX)
      throw new GodwitError("argument", `${channels.length} channels, at most ${CHANNELS_MAX}`);
    if (!(rowsMax >= 1 && rowsMax <= ROWS_MAX && Number.isInteger(rowsMax)))
      throw new GodwitError("argument", `rowsMax ${rowsMax}, must be 1 to ${ROWS_MAX}`);
    if (rowsMax * channels.length > CELLS_MAX)
      throw new GodwitError("argument", `rowsMax ${rowsMax}: more than ${CELLS_MAX} values`);
    const names: string[] = [];
    for (const { name, epsilon } of channels) {
      if (names.includes(name)) throw new GodwitError("argument", `two channels named ${name}`);
      names.push(name);
      if (epsilon !== undefined && !(epsilon > 0 && epsilon < Infinity))
        throw new GodwitError("argument", `channel ${name}: epsilon ${epsilon}, must be above 0`);
      this.columns.push(new Column({ epsilon, encodeObject }, bits));
    }
    this.channels = channels;
    this.rowsMax = rowsMax;
    this.width = channels.length;
    this.times = new Float64Array(rowsMax);
    this.raw = new Float64Array(rowsMax * channels.length);
  }

  /**
   * Records one row; `values` in the order of the channels, undefined or null for none.
   * @throws GodwitError `limit` when no row fits any more, `argument` for what cannot be recorded.
   */
  record(time: number, values: ArrayLike<unknown>): void {
    const { count, raw, width } = this;
    if (count >= this.rowsMax) throw new GodwitError("limit", `${count} rows wait: take a batch`);
    if (!(time <= TIME_MAX && time >= -TIME_MAX && time % 1 === 0))
      throw new GodwitError("argument", `time ${time} is not a whole number of ticks`);
    let at = count * width;
    if (this.isNumeric)
      for (let i = 0; i < width; i++) {
        const value = values[i];
        // biome-ignore lint/suspicious/noSelfCompare: tells NaN, which takes the long way, without a call
        raw[at++] = typeof value === "number" && value === value ? value : this.other(value, i);
      }
    else for (let i = 0; i < width; i++) raw[at++] = this.other(values[i], i);
    this.times[count] = time;
    this.count = count + 1;
  }

  private other(value: unknown, index: number): number {
    const column = this.columns[index]!;
    if (value === undefined || value === null) return Number.NaN;
    if (typeof value === "number" && column.isNumeric) {
      if (Number.isNaN(value)) column.nans.push(this.count);
      return value;
    }
    try {
      const { raw, columns, count } = this;
      let isFirst = true;
      for (let at = index; at < count * columns.length; at += columns.length)
        if (!Number.isNaN(raw[at])) isFirst = false;
      const recode = column.admit(value, isFirst && column.nans.length === 0);
      this.isNumeric = false;
      if (recode)
        for (let row = 0, at = index; row < count; row++, at += columns.length)
          if (!Number.isNaN(raw[at]) || column.nans.includes(row)) raw[at] = recode(raw[at]!);
      if (recode) column.nans.length = 0;
      return column.intern(value);
    } catch (cause) {
      const name = this.channels[index]!.name;
      const { code = "argument", message } = cause as GodwitError;
      throw new GodwitError(code, `channel ${name}: ${message}`, cause);
    }
  }

  /** Forgets the first `rows` rows. */
  drop(rows: number): void {
    const { columns, raw } = this;
    const width = columns.length;
    raw.copyWithin(0, rows * width, this.count * width);
    this.times.copyWithin(0, rows, this.count);
    this.count -= rows;
    for (let i = 0; i < width; i++) {
      const column = columns[i]!;
      if (column.nans.length > 0) column.renumberNans(rows);
      if (column.entries.length > 0) {
        const before = column.entries;
        column.entries = [];
        for (let at = i; at < this.count * width; at += width)
          if (!Number.isNaN(raw[at])) raw[at] = column.entryOf(before[raw[at]!]!);
      }
    }
  }
}
