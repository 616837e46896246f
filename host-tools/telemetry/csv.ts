// CSV (RFC 4180) with a time column first, `t_ms` or `t_us`: the form in which recordings come and go.
import { UserError } from "../user-error.ts";
import { textForm } from "./json-form.ts";

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

/** Rows need several times as much memory as their text. */
const CSV_BYTES_MAX = 256 << 20;

/**
 * The text of a CSV file.
 * @throws UserError for other encodings than UTF-8, and for files beyond 256 MB
 */
export function csvText(bytes: Uint8Array): string {
  if (bytes.length > CSV_BYTES_MAX)
    throw new UserError(`${bytes.length} bytes of CSV, at most ${CSV_BYTES_MAX}`, {
      code: "csv",
      hint: "split the file; batches are standalone",
    });
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff))
    throw wrong(1, "UTF-16; it must be UTF-8");
  const text = decoded(bytes);
  if (text !== undefined) return text;
  let line = 1;
  for (let at = 0, end = 0; end >= 0; at = end + 1, line++) {
    end = bytes.indexOf(10, at);
    if (decoded(bytes.subarray(at, end < 0 ? bytes.length : end)) === undefined) break;
  }
  throw wrong(line, "no UTF-8; save the file as UTF-8");
}

function decoded(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/**
 * Parses the text of a CSV file. Cells are numbers, `true`, `false`, nothing, or else text.
 * @throws UserError naming the line and what is wrong with it
 */
export function parseCsv(text: string): Table {
  const lines = records(text);
  const head = lines.next().value ?? { number: 1, cells: [] };
  const [first = "", ...names] = head.cells.map((cell) => cell.text);
  if (first !== "t_ms" && first !== "t_us")
    throw wrong(head.number, `the first column is "${first}"; it must be t_ms or t_us`);
  const twice = names.find((name, i) => name === first || names.indexOf(name) !== i);
  if (twice !== undefined) throw wrong(head.number, `two columns are named "${twice}"`);
  const table: Table = { tick: first === "t_ms" ? "ms" : "us", names, times: [], rows: [] };
  for (const { number, cells } of lines) {
    if (cells.length !== names.length + 1)
      throw wrong(number, `${cells.length} cells, the header has ${names.length + 1}`);
    const time = cells[0]!.text;
    if (!/^-?\d+$/.test(time) || !Number.isSafeInteger(Number(time)))
      throw wrong(number, `${first} "${time}" is no whole number up to 2^53`);
    table.times.push(Number(time));
    table.rows.push(cells.slice(1).map(cellValue));
  }
  return table;
}

interface RawCell {
  text: string;
  isQuoted: boolean;
}

interface RawRecord {
  /** Line at which it begins. */
  number: number;
  cells: RawCell[];
}

/** Splits at line ends outside quotes; blank lines are left out. */
function* records(text: string): Generator<RawRecord, undefined> {
  const lineEnd = /\r\n|[\r\n]/g;
  let number = 1;
  for (let start = text.startsWith("\ufeff") ? 1 : 0; start < text.length; ) {
    const first = number;
    let from = start;
    let end = start;
    let isOpen = false;
    do {
      lineEnd.lastIndex = from;
      const match = lineEnd.exec(text);
      end = match ? match.index : text.length;
      if (hasOddQuotes(text.slice(from, end))) isOpen = !isOpen;
      from = match ? lineEnd.lastIndex : text.length;
      number++;
    } while (isOpen && from < text.length);
    if (end > start) yield { number: first, cells: splitRecord(text.slice(start, end), first) };
    start = from;
  }
}

function hasOddQuotes(line: string): boolean {
  let isOdd = false;
  for (let at = line.indexOf('"'); at >= 0; at = line.indexOf('"', at + 1)) isOdd = !isOdd;
  return isOdd;
}

function splitRecord(record: string, number: number): RawCell[] {
  if (!record.includes('"')) return record.split(",").map((text) => ({ text, isQuoted: false }));
  const cells: RawCell[] = [];
  const pattern = /(?:"([^"]*(?:""[^"]*)*)"|([^,"]*))(,|$)/gy;
  let at = 0;
  for (;;) {
    pattern.lastIndex = at;
    const match = pattern.exec(record);
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
  const text = textForm(value);
  const isPlain = !/[",\r\n]/.test(text) && !WORDS.has(text) && !NUMBER.test(text);
  return isPlain ? text : `"${text.replaceAll('"', '""')}"`;
}
