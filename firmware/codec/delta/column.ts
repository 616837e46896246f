// One channel of a recorder: its values of a batch, as whole numbers of a grid or as doubles (firmware/SPEC.md §5).
import { type EncodeObject, entryOf, packObject } from "./entries.ts";
import type { FloatBits } from "./float-bits.ts";
import { Grid, SEARCH } from "./grid.ts";
import { BLOB, BOOLEAN, DECIMAL, TEXT } from "./layout.ts";
import { Quantum } from "./quantum.ts";
import type { Series } from "./series.ts";

/** Cells that hold no whole number: no value, and a value beside the grid, in `odds`. */
const GAP = -0x80000000;
const ODD = -0x7fffffff;
/** Values beside the grid before a channel turns to doubles, at least; one in eight of more rows. */
const ODDS_MIN = 8;

export interface ColumnOptions {
  /** Largest error of a decoded number, in the channel's unit; absent: exact. */
  epsilon?: number | undefined;
  encodeObject?: EncodeObject | undefined;
}

/** Where a column's whole numbers stand. */
export interface CellRange {
  cells: Int32Array;
  start: number;
  rowsMax: number;
}

export class Column extends Grid {
  /** Values as doubles, NaN where there is none; absent while `cells` hold whole numbers. */
  doubles: Float64Array | undefined;
  /** 256 times the steps per unit if numbers on a decimal grid go straight into `cells`, otherwise NaN. */
  scale: number;
  /** That grid is one of float32 decimals. */
  isRounded = false;
  /** Texts, or encoded objects with one character per byte, in the order of their first use. */
  entries: string[] = [];
  private readonly place: CellRange;
  private readonly encodeObject: EncodeObject | undefined;
  /** Rows and values of the cells that are ODD, in pairs; a row that failed may have left one more. */
  private readonly odds: number[] = [];
  /** Some cell may be a GAP. */
  private hasGaps = false;

  constructor(options: ColumnOptions, bits: FloatBits, place: CellRange) {
    super(options.epsilon ?? 0, bits);
    this.encodeObject = options.encodeObject;
    this.place = place;
    this.scale = 256;
    if (this.epsilon > 0) this.widen(0);
  }

  /** Records a value that is not on the grid. @throws GodwitError if it cannot be recorded: the row is void */
  put(value: unknown, row: number): void {
    if (typeof value === "number" && (this.isNumeric || this.restart(row)))
      this.putNumber(value, row);
    else {
      // Rows that were refused left entries behind, which a decoder counts against the rows.
      if (this.entries.length > row) this.entries.length = row > 0 ? this.lastEntry(row) + 1 : 0;
      this.admit(value, row);
      this.place.cells[this.place.start + row] = this.intern(value);
    }
  }

  /** Records that there is no value. */
  skip(row: number): void {
    const { doubles, nans, place } = this;
    if (doubles) {
      while (nans[nans.length - 1] === row) nans.pop();
      doubles[row] = Number.NaN;
    } else {
      place.cells[place.start + row] = GAP;
      this.hasGaps = true;
    }
  }

  /** Makes a channel of other values one of numbers again, unless the first `rows` rows have such a value. */
  private restart(rows: number): boolean {
    if (this.hasOthers(rows)) return false;
    this.renew();
    this.widen(rows);
    return true;
  }

  /** Whether one of the first `rows` rows has a value that is no number. */
  private hasOthers(rows: number): boolean {
    if (this.isNumeric) return false;
    if (this.quantum.kind !== BOOLEAN && this.entries.length > 0) return true;
    const { cells, start } = this.place;
    let at = start;
    while (at < start + rows && cells[at] === GAP) at++;
    return at < start + rows;
  }

  private putNumber(value: number, row: number): void {
    const { odds, place } = this;
    if (!this.doubles && odds.length >= Math.max(2 * ODDS_MIN, place.rowsMax >> 2)) this.widen(row);
    if (this.doubles) {
      this.doubles[row] = value;
      if (Number.isNaN(value)) this.nans.push(row);
    } else {
      place.cells[place.start + row] = ODD;
      odds.push(row, value);
    }
  }

  /** The value beside the grid in row `row`. */
  private odd(row: number): number {
    const { odds } = this;
    let at = odds.length - 2;
    while (odds[at] !== row) at -= 2;
    return odds[at + 1]!;
  }

  /** Values of the rows before `end`; undefined where there is none. */
  private values(end: number): unknown[] {
    const { doubles, entries, nans, place, quantum } = this;
    return Array.from({ length: end }, (_, row) => {
      if (doubles) {
        const value = doubles[row]!;
        return Number.isNaN(value) && !nans.includes(row) ? undefined : value;
      }
      const cell = place.cells[place.start + row]!;
      if (cell === GAP) return undefined;
      if (cell === ODD) return this.odd(row);
      if (quantum.kind === BOOLEAN) return cell === 1;
      return quantum.kind > BOOLEAN ? entries[cell] : quantum.toValue(cell);
    });
  }

  /** Turns from whole numbers to doubles. */
  private widen(rows: number): void {
    const doubles = new Float64Array(this.place.rowsMax);
    this.values(rows).forEach((value, row) => {
      doubles[row] = value === undefined ? Number.NaN : (value as number);
      if (Number.isNaN(value)) this.nans.push(row);
    });
    this.doubles = doubles;
    this.forgetCells();
    this.scale = Number.NaN;
    this.isRounded = false;
  }

  private forgetCells(): void {
    this.hasGaps = false;
    this.odds.length = 0;
  }

  /**
   * Moves the present values of the first `rows` rows (of `recorded`) into `series`, on a grid that suits them;
   * returns how many there are; SEARCH if `search` must find it first.
   */
  load(series: Series, rows: number, recorded: number): number {
    this.forget();
    if (!this.doubles) {
      const count = this.loadCells(series, rows);
      if (!this.isNumeric || !this.isMissed(count)) return count;
      this.widen(recorded);
      return SEARCH;
    }
    return this.loadDoubles(this.doubles!, rows, series);
  }

  /** Finds a grid in slices and moves the values into `series`. */
  search(series: Series, rows: number): Generator<undefined, number> {
    return this.searchDoubles(this.doubles!, rows, series);
  }

  private loadCells(series: Series, rows: number): number {
    const { cells, start } = this.place;
    if (!this.hasGaps && this.odds.length === 0) {
      series.adopt(cells, start, rows);
      return rows;
    }
    if (!this.hasGaps) {
      this.loadWithOdds(series, rows);
      return rows;
    }
    const { scratch } = series;
    const { scale } = this.quantum;
    const end = start + rows;
    let at = start;
    let count = -1;
    let cell = 0;
    do {
      cell = cells[at]!;
      if (cell === GAP) this.miss(at - start);
      else {
        if (cell === ODD) {
          const value = this.odd(at - start);
          const before = count < 0 ? 0 : scratch[count]!;
          cell = this.correctNarrow(value, Math.round(value * scale), count + 1, before);
        }
        scratch[++count] = cell;
      }
    } while (++at < end);
    if (count >= 0) series.adopt(scratch, 0, count + 1);
    return count + 1;
  }

  /** Every row has a value and few are beside the grid: the others are moved at once. */
  private loadWithOdds(series: Series, rows: number): void {
    const { odds } = this;
    const { cells, start } = this.place;
    const { scratch } = series;
    const { scale } = this.quantum;
    scratch.set(cells.subarray(start, start + rows));
    for (let i = 0; i < odds.length; i += 2) {
      const row = odds[i]!;
      if (row >= rows || scratch[row] !== ODD) continue;
      const value = this.odd(row);
      const before = row > 0 ? scratch[row - 1]! : 0;
      scratch[row] = this.correctNarrow(value, Math.round(value * scale), row, before);
    }
    series.adopt(scratch, 0, rows);
  }

  /** Forgets the first `rows` of `count` rows. */
  drop(rows: number, count: number): void {
    const { doubles, odds, place } = this;
    const { cells, start } = place;
    this.hasServed = true;
    if (rows === count) {
      this.forgetCells();
      if (this.nans.length > 0) this.nans.length = 0;
      if (this.entries.length > 0) this.entries = [];
      if (doubles && this.isPlain) {
        this.doubles = undefined;
        this.scale = 256 * this.quantum.scale;
        this.isRounded = this.quantum.kind !== DECIMAL;
      }
      return;
    }
    this.renumberNans(rows);
    if (doubles) {
      doubles.copyWithin(0, rows, count);
      return;
    }
    const kept = odds.findIndex((row, i) => i % 2 === 0 && row >= rows);
    odds.splice(0, kept < 0 ? odds.length : kept);
    for (let i = 0; i < odds.length; i += 2) odds[i]! -= rows;
    cells.copyWithin(start, start + rows, start + count);
    if (this.entries.length === 0) return;
    const before = this.entries;
    this.entries = [];
    for (let at = start; at < start + count - rows; at++)
      if (cells[at] !== GAP)
        cells[at] = entryOf(this.entries, before[cells[at]!]!, this.quantum.kind === TEXT);
  }

  /** The largest of the first `rows` entry numbers. */
  lastEntry(rows: number): number {
    const { cells, start } = this.place;
    let most = 0;
    for (let at = start; at < start + rows; at++) most = Math.max(most, cells[at]!);
    return most;
  }

  /** Makes the channel one that can hold `value`, which is no number or does not follow numbers only. */
  private admit(value: unknown, row: number): void {
    const { kind } = this.quantum;
    const wanted = typeof value === "boolean" ? BOOLEAN : typeof value === "string" ? TEXT : BLOB;
    if (kind === wanted || (kind === BLOB && this.hasOthers(row))) return;
    const values = this.values(row);
    const next = values.every((old) => old === undefined) ? wanted : BLOB;
    if (next === BLOB) packObject(value, this.encodeObject);
    this.quantum = new Quantum({ kind: next }, this.bits);
    this.doubles = undefined;
    this.scale = Number.NaN;
    this.isRounded = false;
    this.nans.length = 0;
    this.forgetCells();
    this.entries = [];
    const { cells, start } = this.place;
    values.forEach((old, i) => {
      if (old === undefined) this.skip(i);
      else cells[start + i] = this.intern(old);
    });
  }

  /** The number that stands for a value of an admitted kind. */
  private intern(value: unknown): number {
    const { kind } = this.quantum;
    if (kind === BOOLEAN) return value === true ? 1 : 0;
    const text = kind === TEXT ? (value as string) : packObject(value, this.encodeObject);
    return entryOf(this.entries, text, kind === TEXT);
  }
}
