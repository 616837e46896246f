// What recording costs without any fit: rows into columns of doubles, NaN where there is no value, and no more.
export class PlainRecorder {
  readonly times: Float64Array;
  /** Values column by column. */
  readonly cells: Float64Array;
  readonly width: number;
  readonly rowsMax: number;
  count = 0;

  constructor(width: number, rowsMax: number) {
    this.width = width;
    this.rowsMax = rowsMax;
    this.times = new Float64Array(rowsMax);
    this.cells = new Float64Array(rowsMax * width);
  }

  /** @throws RangeError when the rows are used up, or for a time that is not whole. */
  record(time: number, values: readonly (number | null)[]): void {
    const count = this.count;
    const rowsMax = this.rowsMax;
    if (count >= rowsMax || time % 1 !== 0) throw new RangeError(`row ${count} at ${time}`);
    const cells = this.cells;
    const width = this.width;
    let at = count;
    let value: number | null = 0;
    let i = 0;
    while (i < width) {
      value = values[i]!;
      cells[at] = value === null ? Number.NaN : value;
      at += rowsMax;
      ++i;
    }
    this.times[count] = time;
    this.count = count + 1;
  }
}
