// `godwit partitions`: shows a partition table and converts it between CSV and binary.
import type { Command } from "commander";
import {
  encodePartitionTable,
  type Partition,
  parsePartitionCsv,
  parsePartitionTable,
  partitionsToCsv,
  subtypeName,
  typeName,
} from "../../flash/esp/partitions.ts";
import { hex } from "../../flash/esp/regions.ts";
import { DeviceError } from "../../serial/error.ts";
import { shorten } from "../../shorten.ts";
import type { Context } from "../command.ts";
import { readFileOf, writeFileOf } from "../files.ts";
import { printable } from "../output.ts";

/** Adds the verb. */
export function register(command: Command, context: Context): void {
  command
    .argument("<file>", "a table as CSV or binary")
    .option("--out <file>", "write it in the other form: .csv or .bin")
    .action((file: string, flags: { out?: string }) => show(file, flags.out, context));
}

function show(file: string, out: string | undefined, context: Context): void {
  const { output } = context;
  const bytes = readFileOf(file, context);
  const isBinary = bytes[0] === 0xaa && bytes[1] === 0x50;
  if (!isBinary && bytes.includes(0)) {
    throw new DeviceError(
      "bad-input",
      `${shorten(file)} is no partition table: neither CSV text nor a binary table`,
      { hint: "godwit image info <file> tells what a firmware file is" },
    );
  }
  const rows = isBinary
    ? parsePartitionTable(bytes)
    : parsePartitionCsv(new TextDecoder().decode(bytes));
  for (const row of rows) {
    const fields = { ...row, typeName: typeName(row), subtypeName: subtypeName(row) };
    output.result("partition", fields, describe(row));
  }
  if (out === undefined) return;
  const isCsv = out.endsWith(".csv");
  writeFileOf(out, isCsv ? partitionsToCsv(rows) : encodePartitionTable(rows), context);
  output.result("written", { file: out }, `written to ${out}`);
}

function describe(row: Partition): string {
  const kilobytes = `${row.size / 1024} KB`;
  const columns = [row.name, typeName(row), subtypeName(row), hex(row.offset), kilobytes];
  const flags = [row.isEncrypted && "encrypted", row.isReadonly && "readonly"].filter(Boolean);
  return printable([...columns.map((column) => column.padEnd(12)), ...flags].join(" ").trimEnd());
}
