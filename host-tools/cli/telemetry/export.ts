// `godwit telemetry export`: messages out of a dump, stdin or the local hub as one table.
import { createReadStream } from "node:fs";
import { resolve } from "node:path";
import { type Command, Option } from "commander";
import { StreamDecoder } from "../../telemetry/decode-stream.ts";
import { loadModel } from "../../telemetry/load-model.ts";
import { formatTable } from "../../telemetry/row-table.ts";
import type { Row } from "../../telemetry/rows.ts";
import { type RowFormat, rowFormats } from "../../telemetry/rows-out.ts";
import { UserError } from "../../user-error.ts";
import type { Context } from "../command.ts";
import { lineLost } from "../hub/follow.ts";
import { dataDirOf, runningClient } from "../hub/service.ts";
import { printable } from "../output.ts";
import { showDelivery } from "./delivery.ts";
import { checkOut, showDamage, writeOut } from "./input.ts";

interface ExportOptions {
  format: RowFormat;
  out: string;
  model?: string;
  device?: string;
}

async function open(source: string, dataDir: string, context: Context) {
  if (source === "-") return process.stdin as AsyncIterable<Uint8Array>;
  if (source !== "hub")
    return createReadStream(resolve(context.cwd, source)) as AsyncIterable<Uint8Array>;
  const client = await runningClient(dataDir);
  return client.stream("/events?after=0", context.interrupted()) as Promise<
    AsyncIterable<Uint8Array>
  >;
}

/** What ended the stream before its time, as an error to show once the rows are safe. */
function ending(source: string, error: unknown): UserError {
  const cause = source === "hub" ? lineLost(error) : error;
  if (cause instanceof UserError) return cause;
  const { code } = cause as NodeJS.ErrnoException;
  if (code === undefined || code === "ABORT_ERR") throw cause;
  return new UserError(`cannot read ${source}: ${code}`, { code: "input", cause });
}

async function exportRows(source: string, o: ExportOptions, dataDir: string, context: Context) {
  const { output, cwd } = context;
  checkOut(o.out, source === "hub" ? "-" : source, context);
  const model = o.model === undefined ? undefined : await loadModel(resolve(cwd, o.model));
  const failures: UserError[] = [];
  const decoder = new StreamDecoder({
    source,
    ...(model && { model }),
    ...(o.device !== undefined && { deviceId: o.device }),
    onDamaged: (error) => failures.push(error),
  });
  const rows: Row[] = [];
  let end: UserError | undefined;
  try {
    for await (const row of decoder.rows(await open(source, dataDir, context))) rows.push(row);
  } catch (cause) {
    end = ending(source, cause);
    if (rows.length === 0) throw end;
  }
  // A later message may have told the time of an earlier boot's rows.
  for (const row of rows) decoder.bootTimes.complete(row);
  const bytes = formatTable(rows, o.format);
  writeOut(o.out, bytes, context);
  showDelivery(decoder.delivery.report(), output);
  for (const failure of failures) showDamage(failure, context);
  const figures = { rows: rows.length, bytes: bytes.length, damaged: failures.length };
  output.result(
    "exported",
    { ...figures, format: o.format, out: o.out },
    `${rows.length} rows to ${printable(o.out)} (${o.format}, ${bytes.length} bytes)`,
  );
  const failure = end ?? failures[0];
  if (failure) throw failure;
}

/** Adds the verb `export`. */
export function registerExport(command: Command, context: Context): void {
  command
    .command("export <source>")
    .description(
      "telemetry messages as one table: from a JSON dump of events (file or - for stdin) or the local hub (`hub`)",
    )
    .addOption(
      new Option("--format <name>", "form of the rows").choices(rowFormats).default("jsonl"),
    )
    .requiredOption("--out <file>", "where to write")
    .option("--model <path>", "names the channels: app folder, model.ts or DTDL .json")
    .option("--device <id>", "of this device only")
    .option("--data <folder>", "data folder of the hub")
    .action((source: string, options: ExportOptions, self: Command) =>
      exportRows(source, options, dataDirOf(self, context), context),
    );
}
