// Rows of many devices as JSON lines, CSV or Parquet.
import { parquetWriteBuffer } from "hyparquet-writer";
import { csvCell } from "./csv.ts";
import { jsonForm, textForm } from "./json-form.ts";
import type { Row } from "./rows.ts";
import type { RowFormat } from "./rows-out.ts";

/** A row as one JSON object; what the row is about first, then its values under their own key. */
export function rowJson({ deviceId, tMs, boot, uptimeMs, values }: Row): Record<string, unknown> {
  return {
    t_ms: tMs,
    device: deviceId,
    boot,
    uptime_ms: uptimeMs,
    values: jsonForm(values),
  };
}

interface Column {
  readonly name: string;
  readonly data: unknown[];
}

function columnsOf(rows: readonly Row[]): Column[] {
  const names = new Set<string>();
  for (const { values } of rows) for (const name of Object.keys(values)) names.add(name);
  const head = ["t_ms", "device", "boot", "uptime_ms"];
  return [
    { name: "t_ms", data: rows.map(({ tMs }) => tMs) },
    { name: "device", data: rows.map(({ deviceId }) => deviceId) },
    { name: "boot", data: rows.map(({ boot }) => boot) },
    { name: "uptime_ms", data: rows.map(({ uptimeMs }) => uptimeMs) },
    ...[...names].map((name) => ({
      // A channel may have the name of one of ours.
      name: head.includes(name) ? `${name}_value` : name,
      data: rows.map(({ values }) => (Object.hasOwn(values, name) ? values[name] : undefined)),
    })),
  ];
}

function parquet(columns: readonly Column[]): Uint8Array {
  const columnData = columns.map(({ name, data }) => {
    const present = data.filter((value) => value !== undefined && value !== null);
    const is = (type: string) => present.every((value) => typeof value === type);
    // hyparquet-writer takes undefined as null; a column without any value has to have some type.
    if (is("number")) return { name, data, type: "DOUBLE" as const, nullable: true };
    if (is("boolean")) return { name, data, type: "BOOLEAN" as const, nullable: true };
    const texts = data.map((value) =>
      value === undefined || value === null ? undefined : textForm(value),
    );
    return { name, data: texts, type: "STRING" as const, nullable: true };
  });
  return new Uint8Array(parquetWriteBuffer({ columnData }));
}

/** All rows in a format; text formats as UTF-8. */
export function formatTable(rows: readonly Row[], format: RowFormat): Uint8Array {
  if (format === "jsonl") {
    const lines = rows.map((row) => `${JSON.stringify(rowJson(row))}\n`);
    return new TextEncoder().encode(lines.join(""));
  }
  const columns = columnsOf(rows);
  if (format === "parquet") return parquet(columns);
  const lines = [columns.map(({ name }) => csvCell(name)).join()];
  for (let i = 0; i < rows.length; i++)
    lines.push(columns.map(({ data }) => csvCell(data[i])).join());
  return new TextEncoder().encode(lines.map((line) => `${line}\n`).join(""));
}
