// Tables of strangers to batches: names that objects have already, and rows that fit no batch.
import { expect, test } from "vitest";
import { writeBatchFile } from "../../../host-tools/telemetry/batch-file.ts";
import { parseCsv } from "../../../host-tools/telemetry/csv.ts";
import { encodeTable } from "../../../host-tools/telemetry/encode-table.ts";
import { decodeBatchFile, formatRows } from "../../../host-tools/telemetry/rows-out.ts";

const options = { rows: 2, profile: "static" } as const;

test("columns may be called like members of objects", () => {
  const table = parseCsv("t_ms,constructor,__proto__,toString\n1,2,3,4\n2,3.07,4,5\n");
  expect(encodeTable(table, options)).toMatchObject({ rows: 2, lossless: true, errors: {} });
  const epsilon = { constructor: 0.5 };
  const { lossless, errors } = encodeTable(table, { ...options, epsilon });
  expect(lossless).toBe(true);
  expect(Object.keys(errors)).toEqual(["constructor"]);
  expect(errors.constructor).toBeLessThanOrEqual(0.5);
});

test("rows that lie too far apart for one batch get their own", () => {
  const far = parseCsv("t_ms,a\n1,1\n2,1\n9007199254740991,1\n-4503599627370496,2\n");
  const { batches, lossless } = encodeTable(far, options);
  expect(lossless).toBe(true);
  expect(batches).toHaveLength(3);
});

test("what no batch takes is refused with its rows and a way out", () => {
  const long = parseCsv(`t_ms,a\n1,y\n2,y\n3,y\n4,${"x".repeat(70_000)}\n`);
  expect(() => encodeTable(long, options)).toThrow(
    expect.objectContaining({
      message: expect.stringMatching(/^rows 3 to 4: channel a: a text of 70000 bytes/),
      hint: "fewer --rows, or correct these rows",
    }),
  );
  expect(() => encodeTable(long, { ...options, rows: 1 })).toThrow(/^row 4: channel a: a text/);
});

test("a column may mix numbers, texts and flags, as NA among numbers does", () => {
  const text = 't_ms,a,b\n1,1.5,x\n2,NA,5\n3,-0,"5"\n4,,true\n5,NaN,NaN\n6,1e300,-Infinity\n';
  const table = parseCsv(text);
  for (const profile of ["static", "adaptive"] as const)
    for (const rows of [1, 2, 6]) {
      const { batches, lossless } = encodeTable(table, { rows, profile });
      expect(lossless).toBe(true);
      const schema = { tick: table.tick, names: table.names };
      const decoded = decodeBatchFile(writeBatchFile(schema, batches)).batches;
      const back = new TextDecoder().decode(formatRows(schema, decoded, "csv"));
      expect(parseCsv(back)).toEqual(table);
    }
});
