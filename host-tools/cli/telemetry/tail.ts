// `godwit telemetry tail`: readings that reach the local hub, decoded as they come.
import { resolve } from "node:path";
import type { Command } from "commander";
import { StreamDecoder } from "../../telemetry/decode-stream.ts";
import { loadModel } from "../../telemetry/load-model.ts";
import { rowJson } from "../../telemetry/row-table.ts";
import type { BootTime, Row } from "../../telemetry/rows.ts";
import type { Context } from "../command.ts";
import { type FollowOptions, follow, followOptions } from "../hub/follow.ts";
import { type Output, printable } from "../output.ts";
import { showDelivery } from "./delivery.ts";
import { showDamage } from "./input.ts";

interface TailOptions extends FollowOptions {
  readonly model?: string;
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

/** Rows that were shown without a time, or with one that was mended since, can be dated by this. */
function showBootTime({ deviceId, boot, epochMs }: BootTime, output: Output): void {
  const began = `${deviceId} boot ${boot} began at ${timeText(epochMs)}`;
  output.result(
    "boot-time",
    { device: deviceId, boot, t_ms: epochMs },
    printable(`${began}: its readings above count from there`),
  );
}

async function tail(options: TailOptions, self: Command, context: Context): Promise<void> {
  const { output, cwd } = context;
  const model =
    options.model === undefined ? undefined : await loadModel(resolve(cwd, options.model));
  const decoder = new StreamDecoder({
    source: "hub",
    ...(model && { model }),
    onDamaged: (error) => showDamage(error, context),
    onBootTime: (time) => showBootTime(time, output),
  });
  await follow(self, options, context, {
    read: (events) => decoder.rows(events as AsyncIterable<Uint8Array>),
    show: (row) => show(row, output),
    end: () => showDelivery(decoder.delivery.report(), output),
  });
}

/** Adds the verb `tail`. */
export function registerTail(group: Command, context: Context): void {
  const command = group
    .command("tail")
    .description("show readings that reach the local hub, decoded, as they come");
  followOptions(command, "rows")
    .option("--model <path>", "names the channels: app folder, model.ts or DTDL .json")
    .option("--data <folder>", "data folder of the hub")
    .action((options: TailOptions, self: Command) => tail(options, self, context));
}
