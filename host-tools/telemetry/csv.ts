// CSV (RFC 4180) with a time column first, `t_ms` or `t_us`: the form in which recordings come and go.
import { UserError } from "../user-error.ts";

export type Cell = number | boolean | string | undefined;

export interface Table {
  /** Unit of the first column: `t_ms` or `t_us`. */
  tick: "ms" | "us";
  names: string[];
  times: number[];
  /** Values by row, in the order of `names`; undefined for an empty cell. */
  rows: Cell[][];
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const WORDS = new Map<string, Cell>([
  ["", undefined],
  ["true", true],
  ["false", false],
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY],
]);

function wrong(line: number, what: string): UserError {
  return new UserError(`line ${line}: ${what}`, { code: "csv", hint: "correct the CSV file" });
}

/**
 * Parses the text of a CSV file. Cells are numbers, `true`, `false`, nothing, or else text.
 * @throws UserError naming the line and what is wrong with it
 */
export function parseCsv(text: string): Table {
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === "") lines.pop();
  const [first = "", ...names] = splitLine(lines[0] ?? "", 1).map((cell) => cell.text);
  if (first !== "t_ms" && first !== "t_us")
    throw wrong(1, `the first column is "${first}"; it must be t_ms or t_us`);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw wrong(1, `two columns are named "${twice}"`);
  const table: Table = { tick: first === "t_ms" ? "ms" : "us", names, times: [], rows: [] };
  for (let i = 1; i < lines.length; i++) {
    const cells = splitLine(lines[i]!, i + 1);
    if (cells.length !== names.length + 1)
      throw wrong(i + 1, `${cells.length} cells, the header has ${names.length + 1}`);
    const time = cells[0]!.text;
    if (!/^-?\d+$/.test(time) || !Number.isSafeInteger(Number(time)))
      throw wrong(i + 1, `${first} "${time}" is no whole number up to 2^53`);
    table.times.push(Number(time));
    table.rows.push(cells.slice(1).map(cellValue));
  }
  return table;
}

interface RawCell {
  text: string;
  isQuoted: boolean;
}

function splitLine(line: string, number: number): RawCell[] {
  if (!line.includes('"')) return line.split(",").map((text) => ({ text, isQuoted: false }));
  const cells: RawCell[] = [];
  const pattern = /(?:"((?:[^"]|"")*)"|([^,"]*))(,|$)/gy;
  let at = 0;
  for (;;) {
    pattern.lastIndex = at;
    const match = pattern.exec(line);
    if (!match) throw wrong(number, `a quote that does not fit at column ${at + 1}`);
    const [whole, quoted, plain = "", end] = match;
    cells.push({ text: quoted?.replaceAll('""', '"') ?? plain, isQuoted: quoted !== undefined });
    at += whole.length;
    if (end === "") return cells;
  }
}

function cellValue({ text, isQuoted }: RawCell): Cell {
  if (isQuoted) return text;
  if (WORDS.has(text)) return WORDS.get(text);
  return NUMBER.test(text) ? Number(text) : text;
}

/** A value as a CSV cell that `parseCsv` reads back as the same value. */
export function csvCell(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (Object.is(value, -0)) return "-0";
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const isPlain = !/[",\r\n]/.test(text) && !WORDS.has(text) && !NUMBER.test(text);
  return isPlain ? text : `"${text.replaceAll('"', '""')}"`;
}
