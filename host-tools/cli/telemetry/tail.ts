// `godwit telemetry tail`: readings that reach the local hub, decoded as they come.
import { resolve } from "node:path";
import type { Command } from "commander";
import { StreamDecoder } from "../../telemetry/decode-stream.ts";
import { loadModel } from "../../telemetry/load-model.ts";
import { rowJson } from "../../telemetry/row-table.ts";
import type { Row } from "../../telemetry/rows.ts";
import type { Context } from "../command.ts";
import { number } from "../hub/options.ts";
import { dataDirOf, runningClient } from "../hub/service.ts";
import { type Output, printable } from "../output.ts";
import { showDelivery } from "./delivery.ts";
import { showDamage } from "./input.ts";

interface TailOptions {
  device?: string;
  model?: string;
  after?: number;
  count?: number;
  seconds?: number;
}

/** Days of +-10^8 around 1970 are all that a Date can say; a batch can hold more. */
function timeText(tMs: number): string {
  const date = new Date(tMs);
  return Number.isNaN(date.valueOf()) ? `${tMs} ms` : date.toISOString();
}

function show(row: Row, output: Output): void {
  const { deviceId, tMs, uptimeMs, boot } = row;
  const time = tMs === undefined ? `boot ${boot} +${uptimeMs} ms` : timeText(tMs);
  const values = Object.entries(rowJson(row).values as object).map(
    ([name, value]) => `${name} ${typeof value === "object" ? JSON.stringify(value) : value}`,
  );
  output.result(
    "row",
    rowJson(row),
    `${output.style("dim", time)} ${printable(`${deviceId} ${values.join(" ")}`)}`,
  );
}

async function tail(context: Context, dataDir: string, options: TailOptions): Promise<void> {
  const { output, cwd } = context;
  const interrupted = context.interrupted();
  const model =
    options.model === undefined ? undefined : await loadModel(resolve(cwd, options.model));
  const client = await runningClient(dataDir);
  const parameters = new URLSearchParams({ follow: "true" });
  if (options.device !== undefined) parameters.set("deviceId", options.device);
  if (options.after !== undefined) parameters.set("after", String(options.after));
  const limit = options.seconds === undefined ? [] : [AbortSignal.timeout(options.seconds * 1000)];
  const signal = AbortSignal.any([interrupted, ...limit]);
  const decoder = new StreamDecoder({
    source: "hub",
    ...(model && { model }),
    onDamaged: (error) => showDamage(error, context),
  });
  const stream = await client.stream(`/events?${parameters}`, signal);
  let left = options.count ?? Number.POSITIVE_INFINITY;
  try {
    for await (const row of decoder.rows(stream as AsyncIterable<Uint8Array>)) {
      show(row, output);
      left -= 1;
      if (left <= 0) break;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    stream.destroy();
    showDelivery(decoder.delivery.report(), output);
  }
}

/** Adds the verb `tail`. */
export function registerTail(command: Command, context: Context): void {
  const most = Number.MAX_SAFE_INTEGER;
  command
    .command("tail")
    .description("show readings that reach the local hub, decoded, as they come")
    .option("--device <id>", "of this device only")
    .option("--model <path>", "names the channels: app folder, model.ts or DTDL .json")
    .option("--data <folder>", "data folder of the hub")
    .option("--after <n>", "begin after this sequence number", number("--after", 0, most))
    .option("--count <n>", "end after so many rows", number("--count", 1, most))
    .option("--seconds <s>", "end after this time", number("--seconds", 0, 86_400))
    .action((options: TailOptions, self: Command) =>
      tail(context, dataDirOf(self, context), options),
    );
}
