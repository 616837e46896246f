// `godwit telemetry bill`: what a device costs per day, from its model and a recording.
import { resolve } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { TierName } from "../../hub/core/tier-table.ts";
import { type Bill, billOf, type Encoding, encodings } from "../../telemetry/bill.ts";
import { csvText, parseCsv } from "../../telemetry/csv.ts";
import { loadModel } from "../../telemetry/load-model.ts";
import { exitCodes, UserError } from "../../user-error.ts";
import type { Context } from "../command.ts";
import { printable } from "../output.ts";
import { guarded, readInput } from "./input.ts";

interface BillCommandOptions {
  tier?: string;
  encoding: Encoding;
  days: number;
  ageS: number;
  budgetMessages?: number;
}

/** Parser of a number from `min` to `max`. */
function within(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = text.trim() === "" ? Number.NaN : Number(text);
    if (!(value >= min && value <= max))
      throw new InvalidArgumentError(`It must be a number from ${min} to ${max}.`);
    return value;
  };
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < Number.POSITIVE_INFINITY))
    throw new InvalidArgumentError("It must be a number above 0.");
  return value;
}

function whole(value: number): string {
  return value < 10 ? value.toFixed(2) : Math.round(value).toString();
}

function show(bill: Bill, days: number, { output }: Context): void {
  const { encoding, tier, ...figures } = bill;
  const total = {
    days,
    messages: bill.messagesPerDay * days,
    metered: bill.meteredPerDay * days,
    bytes: bill.bytesPerDay * days,
  };
  const cells = [
    tier.padEnd(4),
    encoding.padEnd(8),
    ...[bill.bytesPerDay, bill.messagesPerDay, bill.meteredPerDay, total.metered].map((value) =>
      whole(value).padStart(12),
    ),
    String(bill.devicesPerUnit).padStart(12),
  ];
  output.result("bill", { tier, encoding, ...figures, total }, cells.join(" "));
}

function assertBudget(bill: Bill, budget: number, { output }: Context): void {
  const { tier, encoding, meteredPerDay } = bill;
  const isWithin = meteredPerDay <= budget;
  const figures = { tier, encoding, budgetMessages: budget, meteredPerDay, isWithin };
  const text = `${whole(meteredPerDay)} metered messages per day (${encoding}, ${tier}), budget ${budget}`;
  output.result("budget", figures, text);
  if (isWithin) return;
  throw new UserError(`over budget: ${text}`, {
    code: "budget-exceeded",
    exitCode: exitCodes.budget,
    hint: "a longer --age-s, a coarser resolution, an epsilon or a deadband in the model",
  });
}

async function bill(model: string, csv: string, options: BillCommandOptions, context: Context) {
  const { output, cwd } = context;
  const spec = await loadModel(resolve(cwd, model));
  const input = readInput(csv, cwd);
  const table = guarded(csv, () => parseCsv(csvText(input)));
  const tiers = (options.tier ? [options.tier.toUpperCase()] : ["F1", "S1"]) as TierName[];
  const bills = tiers.flatMap((tier) =>
    encodings.map((encoding) =>
      guarded(csv, () =>
        billOf(spec, table, { tier, encoding, ageMs: Math.round(options.ageS * 1000) }),
      ),
    ),
  );
  const head = ["bytes/day", "messages/day", "metered/day", `metered/${options.days}d`, "dev/unit"];
  if (!output.json)
    output.result(
      "head",
      {},
      `${"tier".padEnd(4)} ${"encoding".padEnd(8)} ${head.map((text) => text.padStart(12)).join(" ")}`,
    );
  for (const one of bills) show(one, options.days, context);
  for (const [name, count] of Object.entries(bills[0]!.leftOut))
    output.note(
      `${count} values of "${printable(name)}" are not in the model or against it: not sent`,
    );
  if (options.budgetMessages === undefined) return;
  for (const one of bills)
    if (one.encoding === options.encoding) assertBudget(one, options.budgetMessages, context);
}

/** Adds the verb `bill`. */
export function registerBill(command: Command, context: Context): void {
  command
    .command("bill <model> <rows.csv>")
    .description(
      "bytes and metered messages per day and device: of a model (app folder, model.ts or DTDL .json) and a recording",
    )
    .addOption(
      new Option(
        "--tier <name>",
        "IoT Hub tier; default: free (0.5 KB blocks) and paid (4 KB)",
      ).choices(["f1", "s1", "s2", "s3"]),
    )
    .option("--days <n>", "sum up so many days as well", within(1, 36_525), 30)
    .option("--age-s <s>", "longest wait of a normal reading for its batch", within(1, 86_400), 300)
    .addOption(
      new Option("--encoding <name>", "the encoding the budget is for")
        .choices(encodings)
        .default("delta"),
    )
    .option("--budget-messages <n>", "exit code 9 if a day meters more messages", positive)
    .action((model: string, csv: string, options: BillCommandOptions) =>
      bill(model, csv, options, context),
    );
}
