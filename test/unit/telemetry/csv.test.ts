// CSV as strangers write it (RFC 4180): what is read, and what is refused with its line.
import { expect, test } from "vitest";
import { csvCell, csvText, parseCsv } from "../../../host-tools/telemetry/csv.ts";
import { UserError } from "../../../host-tools/user-error.ts";
import { seeded } from "../../support/seeded.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);

test("line ends of every system, blank lines and a byte order mark are no data", () => {
  const expected = { tick: "ms", names: ["a"], times: [1, 2], rows: [[2], ["x"]] };
  for (const end of ["\n", "\r\n", "\r"]) {
    expect(parseCsv(`t_ms,a${end}1,2${end}2,x`)).toEqual(expected);
    expect(parseCsv(`\ufefft_ms,a${end}${end}1,2${end}2,x${end}${end}`)).toEqual(expected);
  }
  expect(parseCsv(csvText(utf8("\ufefft_ms,a\n1,2\n2,x\n")))).toEqual(expected);
});

test("quoted cells hold commas, quotes and line ends; lines count on behind them", () => {
  const text = 't_ms,a,b\n1,"x\r\ny","say ""no"", twice"\n2,"\n\n",""\n';
  expect(parseCsv(text).rows).toEqual([
    ["x\r\ny", 'say "no", twice'],
    ["\n\n", ""],
  ]);
  expect(() => parseCsv(`${text}3,4\n`)).toThrow("line 7: 2 cells, the header has 3");
});

test("what csvCell writes, parseCsv reads", () => {
  const random = seeded("csv cells");
  const odd = ["", "true", "-0", "1e5", "NaN", '"', ",", "\r", "\n", "\r\n", '"\n', "é", "\ufeff"];
  for (let run = 0; run < 200; run++) {
    const rows = Array.from({ length: 3 }, () =>
      Array.from({ length: 2 }, () =>
        random.chance(0.3)
          ? random.pick([1.5, -0, true, Number.NaN])
          : random.pick(odd) + random.pick(odd),
      ),
    );
    const lines = rows.map((row, i) => [i, ...row].map(csvCell).join());
    expect(parseCsv(`t_ms,a,b\n${lines.join("\n")}\n`).rows).toEqual(rows);
  }
});

test.each([
  ['t_ms,a\n1,"open\n2,3\n', "line 2: a quote that does not fit at column 3"],
  ['t_ms,a\n1,2\n2,5" pipe\n3,4\n', "line 3: a quote that does not fit at column 3"],
  ["t_ms,a,a\n1,2,3\n", 'line 1: two columns are named "a"'],
  ["t_ms,t_ms\n1,2\n", 'line 1: two columns are named "t_ms"'],
  ["", 'line 1: the first column is ""; it must be t_ms or t_us'],
])("refused: %j", (text, message) => {
  expect(() => parseCsv(text)).toThrow(message);
});

test("other encodings than UTF-8 are refused, never guessed at", () => {
  const latin = Uint8Array.from("t_ms,a\n1,2\n2,\u00b0C\n", (letter) => letter.charCodeAt(0));
  expect(() => csvText(latin)).toThrow("line 3: no UTF-8");
  const wide = Buffer.from("\ufefft_ms,a\n1,2\n", "utf16le");
  expect(() => csvText(wide)).toThrow(/UTF-16/);
  for (const bytes of [latin, wide]) expect(() => csvText(bytes)).toThrow(UserError);
});

test("a quote that is never closed is refused, however long the file", () => {
  const text = `t_ms,a\n1,"${"x,\n".repeat(500_000)}`;
  expect(() => parseCsv(text)).toThrow("line 2: a quote that does not fit at column 3");
});
