// `godwit nvs`: settings and credentials as an NVS partition, written at flash time.
import { chmodSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Command } from "commander";
import { encodeNvs } from "../../flash/esp/nvs.ts";
import { parseNvsCsv } from "../../flash/esp/nvs-csv.ts";
import type { NvsEntry } from "../../flash/esp/nvs-format.ts";
import { isNvs, parseNvs } from "../../flash/esp/nvs-parse.ts";
import { DeviceError } from "../../serial/error.ts";
import { shorten } from "../../shorten.ts";
import type { Context } from "../command.ts";
import { readFileOf, writeFileOf } from "../files.ts";
import { printable } from "../output.ts";
import { parseCount } from "./flash-options.ts";

const defaultSize = 0x6000;

/** Adds the verb. */
export function register(command: Command, context: Context): void {
  command
    .command("make")
    .description("make a partition from key,type,encoding,value lines")
    .argument("<csv>")
    .argument("<file>", "the partition; flash it at the offset of 'nvs'")
    .option("--size <bytes>", "size of the partition", parseCount, defaultSize)
    .action((csv: string, file: string, flags: { size: number }) =>
      make({ csv, file, size: flags.size }, context),
    );
  command
    .command("show")
    .description("keys and types in a partition; values only with --values")
    .argument("<file>")
    .option("--values", "print the values, secrets included")
    .action((file: string, flags: { values?: boolean }) =>
      show(file, flags.values ?? false, context),
    );
}

function make(job: { csv: string; file: string; size: number }, context: Context): void {
  const text = new TextDecoder().decode(readFileOf(job.csv, context));
  const folder = dirname(job.csv);
  const entries = parseNvsCsv(text, (path) =>
    readFileOf(resolve(context.cwd, folder, path), context),
  );
  const target = resolve(context.cwd, job.file);
  // Such a file holds passwords and device keys.
  writeFileOf(job.file, encodeNvs(entries, job.size), context, 0o600);
  chmodSync(target, 0o600);
  context.output.result(
    "written",
    { file: job.file, entries: entries.length, size: job.size },
    `${entries.length} ${entries.length === 1 ? "entry" : "entries"} in ${job.file} (${job.size} bytes, readable by you only)`,
  );
}

function show(file: string, withValues: boolean, context: Context): void {
  const bytes = readFileOf(file, context);
  if (!isNvs(bytes)) {
    throw new DeviceError(
      "bad-input",
      `${shorten(file)} is no NVS partition: no page has a valid header`,
      {
        hint: "give what godwit nvs make wrote, or godwit flash read saved from the offset of 'nvs'",
      },
    );
  }
  for (const entry of parseNvs(bytes)) {
    const value = withValues ? { value: textOf(entry) } : {};
    const { namespace, key, type } = entry;
    const text = [namespace.padEnd(16), key.padEnd(16), type];
    if (withValues) text.push(textOf(entry));
    context.output.result("entry", { namespace, key, type, ...value }, printable(text.join(" ")));
  }
}

function textOf(entry: NvsEntry): string {
  return entry.type === "blob" ? Buffer.from(entry.value).toString("hex") : String(entry.value);
}
