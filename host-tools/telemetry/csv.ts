// Numeric CSV with a time column, as the sensor world writes it: one header line, commas, no quoting.
export interface Table {
  /** Unit of the first column: `t_ms` or `t_us`. */
  tick: "ms" | "us";
  names: string[];
  times: number[];
  /** Values by row, in the order of `names`; undefined for an empty cell. */
  rows: (number | boolean | string | undefined)[][];
}

/**
 * Parses the text of a CSV file.
 * @throws SyntaxError naming line and column of the first cell that is wrong.
 */
export function parseCsv(text: string): Table {
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === "") lines.pop();
  const [first = "", ...names] = (lines[0] ?? "").split(",");
  if (first !== "t_ms" && first !== "t_us")
    throw new SyntaxError(`line 1: the first column is "${first}"; it must be t_ms or t_us`);
  const duplicate = names.find((name, i) => names.indexOf(name) !== i);
  if (duplicate !== undefined) throw new SyntaxError(`line 1: two columns named "${duplicate}"`);
  const times: number[] = [];
  const rows: Table["rows"] = [];
  for (let i = 1; i < lines.length; i++) {
    const cells = lines[i]!.split(",");
    if (cells.length !== names.length + 1)
      throw new SyntaxError(`line ${i + 1}: ${cells.length} cells, expected ${names.length + 1}`);
    const time = Number(cells[0]);
    if (cells[0] === "" || !Number.isSafeInteger(time))
      throw new SyntaxError(`line ${i + 1}: time "${cells[0]}" is not a whole number`);
    times.push(time);
    rows.push(cells.slice(1).map(cellValue));
  }
  return { tick: first === "t_ms" ? "ms" : "us", names, times, rows };
}

/** Numbers, true and false as such; any other text as text. */
function cellValue(cell: string): number | boolean | string | undefined {
  if (cell === "") return undefined;
  if (cell === "true" || cell === "false") return cell === "true";
  const value = Number(cell);
  return Number.isNaN(value) && cell !== "NaN" ? cell : value;
}
