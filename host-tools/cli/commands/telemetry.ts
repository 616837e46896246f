// `godwit telemetry`: recordings to delta batches and back.
import { type Command, InvalidArgumentError, Option } from "commander";
import { writeBatchFile } from "../../telemetry/batch-file.ts";
import { csvText, parseCsv } from "../../telemetry/csv.ts";
import { encodeTable } from "../../telemetry/encode-table.ts";
import {
  decodeBatchFile,
  formatRows,
  type RowFormat,
  rowFormats,
} from "../../telemetry/rows-out.ts";
import { exitCodes, UserError } from "../../user-error.ts";
import type { Context } from "../command.ts";
import { printable } from "../output.ts";
import { registerBill } from "../telemetry/bill.ts";
import { registerExport } from "../telemetry/export.ts";
import { checkOut, guarded, readInput, showDamage, writeOut } from "../telemetry/input.ts";
import { registerTail } from "../telemetry/tail.ts";

interface EncodeOptions {
  rows: number;
  profile: "adaptive" | "static";
  epsilon: Record<string, number>;
  out?: string;
  crc?: boolean;
}

function count(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > 16_384)
    throw new InvalidArgumentError("It must be a whole number from 1 to 16384.");
  return value;
}

function tolerance(text: string, before: Record<string, number>): Record<string, number> {
  const at = text.lastIndexOf("=");
  const value = Number(text.slice(at + 1));
  if (at < 1 || !(value > 0 && value < Number.POSITIVE_INFINITY))
    throw new InvalidArgumentError("It must read <channel>=<number above 0>.");
  return { ...before, [text.slice(0, at)]: value };
}

function encode(path: string, options: EncodeOptions, context: Context): void {
  const { output, cwd } = context;
  const { rows, profile, epsilon, crc = false } = options;
  const { out } = options;
  if (out !== undefined) checkOut(out, path, context);
  const input = readInput(path, cwd);
  const { table, encoded } = guarded(path, () => {
    const parsed = parseCsv(csvText(input));
    return { table: parsed, encoded: encodeTable(parsed, { rows, profile, epsilon, crc }) };
  });
  const { tick, names } = table;
  if (out !== undefined)
    writeOut(out, writeBatchFile({ tick, names, epsilon }, encoded.batches), context);
  const { batches, bytes, bytesPerRow, lossless, errors } = encoded;
  const figures = { batches: batches.length, rows: encoded.rows, bytes, bytesPerRow, lossless };
  output.result(
    "encoded",
    { ...figures, ...(Object.keys(epsilon).length > 0 && { errors }) },
    `${figures.rows} rows in ${figures.batches} batches: ${bytes} bytes, ` +
      `${bytesPerRow.toFixed(3)} per row; decoded again: ${lossless ? "equal" : "DIFFERENT"}`,
  );
  if (!lossless)
    throw new UserError("a decoded value differs", {
      code: "lossy",
      exitCode: exitCodes.verification,
    });
}

interface DecodeOptions {
  format: RowFormat;
  out?: string;
}

/** Where rows cannot go: a terminal takes no Parquet, and NDJSON is not mixed with anything else. */
function checkStdout(format: RowFormat, { output }: Context): void {
  const isTerminal = process.stdout.isTTY && format === "parquet";
  if (isTerminal)
    throw new UserError("Parquet is not for a terminal", { code: "binary", hint: "--out <file>" });
  if (output.json && format !== "jsonl")
    throw new UserError(`--json and --format ${format} both want stdout`, {
      code: "output",
      hint: "--out <file>, or leave out --json",
    });
}

/** Writes the rows of all batches that can be decoded, then fails if there were others. */
function decode(path: string, { format, out }: DecodeOptions, context: Context): void {
  const { output, cwd } = context;
  if (out === undefined) checkStdout(format, context);
  else checkOut(out, path, context);
  const { schema, batches, damaged } = guarded(path, () => decodeBatchFile(readInput(path, cwd)));
  if (batches.length > 0 || damaged.length === 0) {
    const bytes = formatRows(schema, batches, format);
    if (out === undefined) process.stdout.write(bytes);
    else {
      writeOut(out, bytes, context);
      const rows = batches.reduce((sum, { times }) => sum + times.length, 0);
      const figures = { batches: batches.length, rows, bytes: bytes.length };
      output.result(
        "decoded",
        { ...figures, damaged: damaged.length, format, out },
        `${rows} rows to ${printable(out)} (${format}, ${bytes.length} bytes)`,
      );
    }
  }
  const [first, ...others] = damaged;
  for (const { message, code } of others)
    showDamage(new UserError(`${path}: ${message}`, { code }), context);
  guarded(path, () => {
    if (first) throw first;
  });
}

/** Adds the verb's subcommands. */
export function register(command: Command, context: Context): void {
  command
    .command("encode <rows.csv>")
    .description("encode a CSV (first column t_ms or t_us; - for stdin) in standalone batches")
    .option("--rows <n>", "rows per batch", count, 128)
    .addOption(
      new Option("--profile <name>", "probabilities of the coder")
        .choices(["adaptive", "static"])
        .default("adaptive"),
    )
    .option("--epsilon <ch=value>", "largest error of a channel; repeatable", tolerance, {})
    .option("--crc", "append a CRC-32 to every batch")
    .option("--out <file>", "write the batches to a file")
    .action((path: string, options: EncodeOptions) => encode(path, options, context));
  command
    .command("decode <file>")
    .description("decode a file of batches (- for stdin)")
    .addOption(
      new Option("--format <name>", "form of the rows").choices(rowFormats).default("jsonl"),
    )
    .option("--out <file>", "write to a file instead of stdout")
    .action((path: string, options: DecodeOptions) => decode(path, options, context));
  registerBill(command, context);
  registerExport(command, context);
  registerTail(command, context);
}
