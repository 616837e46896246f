// Recorded sets to train the delta codec on, and what other sensors would have made of the same signals.
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { type Cell, parseCsv, type Table } from "./csv.ts";

/** The CSV sets of a folder by name. */
export function readSets(folder: string): Map<string, Table> {
  const files = readdirSync(folder).filter((file) => file.endsWith(".csv"));
  return new Map(
    files
      .sort()
      .map((file) => [basename(file, ".csv"), parseCsv(readFileSync(join(folder, file), "utf8"))]),
  );
}

/** Every `nth` row: a slower sensor. */
function slower(table: Table, nth: number): Table {
  const isKept = (_: unknown, i: number): boolean => i % nth === 0;
  return { ...table, times: table.times.filter(isKept), rows: table.rows.filter(isKept) };
}

/** Decimals of the power of ten that divides the span of a channel (but for its extremes) into at least `steps`. */
function decimalsFor(values: readonly number[], steps: number): number {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  if (sorted.length === 0) return 0;
  const span = sorted[Math.floor(0.99 * sorted.length)]! - sorted[Math.floor(sorted.length / 100)]!;
  return Math.min(15, Math.ceil(-Math.log10((span || 1) / steps)));
}

/** Values rounded to about `steps` different ones: a coarser sensor. */
function coarser(table: Table, steps: number): Table {
  const decimals = table.names.map((_, c) => {
    const cells = table.rows.map((row) => row[c]);
    return decimalsFor(
      cells.filter((cell) => typeof cell === "number"),
      steps,
    );
  });
  const rounded = (cell: Cell, c: number): Cell => {
    if (typeof cell !== "number") return cell;
    const digits = decimals[c]!;
    if (digits >= 0) return Number(cell.toFixed(digits));
    const step = 10 ** -digits;
    return Math.round(cell / step) * step;
  };
  return { ...table, rows: table.rows.map((row) => row.map(rounded)) };
}

/**
 * A set and two others made of it. Nine recordings are few: without these the start weights know their scales
 * and their rests by heart, and cost half as much again on a recording they have not seen.
 */
export function variantsOf(table: Table): Table[] {
  return [table, slower(table, 4), coarser(slower(table, 2), 100)];
}
