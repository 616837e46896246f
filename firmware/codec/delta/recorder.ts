// Rows of a batch while it is recorded: a whole number per value where the channel's grid is known, else a double.
// biome-ignore-all lint/suspicious/noAssignInExpressions: the interpreter need not load an assigned value again
import { GodwitError } from "../error.ts";
import { Column } from "./column.ts";
import type { EncodeObject } from "./entries.ts";
import type { FloatBits } from "./float-bits.ts";
import { CELLS_MAX, CHANNELS_MAX, ROWS_MAX } from "./layout.ts";

const fround = Math.fround;
const TIME_SQUARE_MAX = Number.MAX_SAFE_INTEGER ** 2;
/** In place of a column's doubles: its cells are decimals of float32. */
const ROUNDED = new Float64Array(0);

/** A channel as the recorder needs to know it. */
export interface DeltaChannel {
  name: string;
  /** Largest error of a decoded value, in the channel's unit; absent: exact. */
  epsilon?: number;
}

export class Recorder {
  readonly columns: Column[] = [];
  readonly times: Float64Array;
  count = 0;
  readonly rowsMax: number;
  private readonly channels: readonly DeltaChannel[];
  /** Whole numbers column by column. */
  private readonly cells: Int32Array;
  /** By channel: `scale` of its column, NaN if its decimals are those of float32. A plain array is read faster. */
  private readonly scales: number[] = [];
  /** By channel: `scale` of its column. */
  private readonly rounded: number[] = [];
  /** By channel: the column's doubles, or ROUNDED. */
  private readonly ways: (Float64Array | undefined)[] = [];

  /** @throws GodwitError `argument` naming the channel or limit that is impossible. */
  constructor(
    channels: readonly DeltaChannel[],
    rowsMax: number,
    bits: FloatBits,
    encodeObject: EncodeObject | undefined,
  ) {
    const width = channels.length;
    if (width > CHANNELS_MAX)
      throw new GodwitError("argument", `${width} channels, at most ${CHANNELS_MAX}`);
    if (!(rowsMax >= 1 && rowsMax <= ROWS_MAX && Number.isInteger(rowsMax)))
      throw new GodwitError("argument", `rowsMax ${rowsMax}, must be 1 to ${ROWS_MAX}`);
    if (rowsMax * width > CELLS_MAX)
      throw new GodwitError("argument", `rowsMax ${rowsMax}: more than ${CELLS_MAX} values`);
    this.channels = channels;
    this.rowsMax = rowsMax;
    this.times = new Float64Array(rowsMax);
    this.cells = new Int32Array(rowsMax * width);
    const names: string[] = [];
    for (const { name, epsilon } of channels) {
      if (names.includes(name)) throw new GodwitError("argument", `two channels named ${name}`);
      if (epsilon !== undefined && !(epsilon > 0 && epsilon < Infinity))
        throw new GodwitError("argument", `channel ${name}: epsilon ${epsilon}, must be above 0`);
      const start = names.push(name) * rowsMax - rowsMax;
      const place = { cells: this.cells, start, rowsMax };
      this.columns.push(new Column({ epsilon, encodeObject }, bits, place));
      this.adopt(names.length - 1);
    }
  }

  /** Takes over how the column at `index` wants its values. */
  private adopt(index: number): void {
    const { scale, isRounded, doubles } = this.columns[index]!;
    this.scales[index] = isRounded ? Number.NaN : scale;
    this.rounded[index] = scale;
    this.ways[index] = isRounded ? ROUNDED : doubles;
  }

  // Hot: the common case stands in line, and no property is read twice. An assignment inside an expression saves
  // the interpreter from loading the result again.
  /**
   * Records one row; `values` in the order of the channels, undefined or null for none. A row that cannot be
   * recorded leaves no trace.
   * @throws GodwitError `limit` when no row fits any more, `argument` for what cannot be recorded; TypeError
   * for a BigInt or Symbol.
   */
  record(time: number, values: ArrayLike<unknown>): void {
    const count = this.count;
    const rowsMax = this.rowsMax;
    if (count >= rowsMax) throw new GodwitError("limit", `${count} rows wait: take a batch`);
    if (time % 1) this.refuse(time);
    if (!(time * time <= TIME_SQUARE_MAX)) this.refuse(time);
    const cells = this.cells;
    const end = cells.length;
    if (end) {
      const scales = this.scales;
      let at = count;
      let i = -1;
      let value = 0;
      let scale = 0;
      let whole = 0;
      do {
        // Rounded, and within 24 bits because the sum is in units of 1/256; what is no number fails the test.
        whole = ((value = values[++i] as number) * (scale = scales[i]!) + 128) >> 8;
        if ((whole << 8) / scale !== value) {
          const way = this.ways[i];
          if (!way) this.put(value, i);
          else if (way.length > 0) {
            // Tells NaN and what is no number, which go the long way, without a call.
            if (+value === value) way[count] = value;
            else this.put(value, i);
          } else {
            whole = (value * (scale = this.rounded[i]!) + 128) >> 8;
            if (fround((whole << 8) / scale) !== value) this.put(value, i);
            else if (whole || 1 / value > 0) cells[at] = whole;
            else this.put(value, i);
          }
        } else if (whole) cells[at] = whole;
        else if (1 / value > 0) cells[at] = 0;
        else this.put(value, i);
      } while ((at += rowsMax) < end);
    }
    this.times[count] = time;
    this.count = count + 1;
  }

  private refuse(time: number): never {
    throw new GodwitError("argument", `time ${time} is not a whole number of ticks`);
  }

  /** A value that is not on its channel's grid. */
  private put(value: unknown, index: number): void {
    if (value === undefined || value === null) {
      this.columns[index]!.skip(this.count);
      return;
    }
    try {
      this.columns[index]!.put(value, this.count);
    } catch (cause) {
      const { code = "argument", message } = cause as GodwitError;
      throw new GodwitError(code, `channel ${this.channels[index]!.name}: ${message}`, cause);
    } finally {
      // A value that is refused may have changed how the column wants the next one.
      this.adopt(index);
    }
  }

  /** Forgets the first `rows` rows. */
  drop(rows: number): void {
    const { columns, count } = this;
    this.times.copyWithin(0, rows, count);
    for (let i = 0; i < columns.length; i++) {
      columns[i]!.drop(rows, count);
      this.adopt(i);
    }
    this.count = count - rows;
  }
}
