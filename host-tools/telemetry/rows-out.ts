// Decoded batches as JSON lines, CSV or Parquet.
import { parquetWriteBuffer } from "hyparquet-writer";
import { decodeCbor } from "../../firmware/codec/cbor-decode.ts";
import type { DecodedBatch } from "../../firmware/codec/delta/decoded-batch.ts";
import { decodeBatch } from "../../firmware/codec/delta/decoder.ts";
import { GodwitError } from "../../firmware/codec/error.ts";
import { UserError } from "../user-error.ts";
import { type BatchFileSchema, readBatchFile } from "./batch-file.ts";
import { csvCell } from "./csv.ts";
import { jsonForm, textForm } from "./json-form.ts";

export const rowFormats = ["jsonl", "csv", "parquet"] as const;
export type RowFormat = (typeof rowFormats)[number];

/** Columns of many batches under one another. */
interface Columns {
  times: number[];
  channels: unknown[][];
}

export interface DecodedFile {
  schema: BatchFileSchema;
  batches: DecodedBatch[];
  /** Batches that could not be decoded and the end of a file cut off, by number and byte. */
  damaged: UserError[];
}

/** All batches of a file that can be decoded. @throws UserError for bytes that are no batch file */
export function decodeBatchFile(bytes: Uint8Array): DecodedFile {
  const { schema, batches, cut } = readBatchFile(bytes);
  const file: DecodedFile = { schema, batches: [], damaged: [] };
  batches.forEach((batch, i) => {
    try {
      const decoded = decodeBatch(batch.bytes, { decodeObject: decodeCbor });
      const { tick } = decoded.header;
      if (tick !== schema.tick)
        throw new GodwitError("malformed", `times in ${tick}, the file counts ${schema.tick}`);
      file.batches.push(decoded);
    } catch (cause) {
      if (!(cause instanceof GodwitError)) throw cause;
      file.damaged.push(
        new UserError(`batch ${i} at byte ${batch.offset}: ${cause.message}`, {
          code: "damaged-batch",
          hint: "the other batches are decoded; get the file again",
          cause,
        }),
      );
    }
  });
  if (cut) file.damaged.push(cut);
  return file;
}

/** Names of the channels; those that the schema does not name get their number. */
function namesOf(schema: BatchFileSchema, width: number): string[] {
  return Array.from({ length: width }, (_, i) => schema.names[i] ?? `channel${i}`);
}

/** A column for every channel, and for every name: a recording without rows has its columns all the same. */
function joined({ names }: BatchFileSchema, batches: readonly DecodedBatch[]): Columns {
  let width = names.length;
  for (const { channels } of batches) width = Math.max(width, channels.length);
  const columns: Columns = { times: [], channels: Array.from({ length: width }, () => []) };
  for (const { times, channels } of batches) {
    for (const time of times) columns.times.push(time);
    columns.channels.forEach((column, c) => {
      for (let i = 0; i < times.length; i++) column.push(channels[c]?.[i]);
    });
  }
  return columns;
}

/** Rows in a format; text formats as UTF-8. */
export function formatRows(
  schema: BatchFileSchema,
  batches: readonly DecodedBatch[],
  format: RowFormat,
): Uint8Array {
  const { times, channels } = joined(schema, batches);
  const names = namesOf(schema, channels.length);
  const time = `t_${schema.tick}`;
  if (format === "parquet") return parquet(time, names, { times, channels });
  const lines: string[] = format === "csv" ? [[time, ...names].map(csvCell).join()] : [];
  for (let i = 0; i < times.length; i++) {
    const values = channels.map((column) => column[i]);
    if (format === "csv") lines.push([times[i], ...values].map(csvCell).join());
    else {
      const row: [string, unknown][] = [[time, times[i]]];
      values.forEach((value, c) => {
        if (value !== undefined) row.push([names[c]!, jsonForm(value)]);
      });
      lines.push(JSON.stringify(Object.fromEntries(row)));
    }
  }
  return new TextEncoder().encode(lines.map((line) => `${line}\n`).join(""));
}

function parquet(time: string, names: readonly string[], { times, channels }: Columns): Uint8Array {
  const columnData = channels.map((values, c) => {
    const present = values.filter((value) => value !== undefined);
    const name = names[c]!;
    if (present.every((value) => typeof value === "number"))
      return { name, data: values, type: "DOUBLE" as const, nullable: true };
    if (present.every((value) => typeof value === "boolean"))
      return { name, data: values, type: "BOOLEAN" as const, nullable: true };
    const data = values.map((value) => (value === undefined ? value : textForm(value)));
    return { name, data, type: "STRING" as const, nullable: true };
  });
  const stamps = { name: time, data: times.map(BigInt), type: "INT64" as const, nullable: false };
  return new Uint8Array(parquetWriteBuffer({ columnData: [stamps, ...columnData] }));
}
