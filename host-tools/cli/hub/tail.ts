// `godwit hub tail`: the hub's events as they come.
import { createInterface } from "node:readline";
import type { Command } from "commander";
import type { Context } from "../command.ts";
import { type Output, printable } from "../output.ts";
import { number } from "./options.ts";
import { dataDirOf, runningClient } from "./service.ts";

interface TailOptions {
  readonly device?: string;
  readonly after?: number;
  readonly count?: number;
  readonly seconds?: number;
}

interface EventLine {
  readonly lost?: number;
  readonly enqueuedTime: string;
  readonly source: string;
  readonly deviceId: string;
  readonly body?: unknown;
  readonly bodyBase64?: string;
}

function show(line: EventLine, output: Output): void {
  if (line.lost !== undefined) {
    output.result("lost", { lost: line.lost }, `(${line.lost} events are gone)`);
    return;
  }
  const { bodyBase64, body, source } = line;
  const text = bodyBase64 === undefined ? JSON.stringify(body) : `base64 ${bodyBase64}`;
  const time = line.enqueuedTime.slice(11, 23);
  const kind = source === "Telemetry" ? "telemetry" : source;
  output.result(
    kind,
    { ...line },
    `${output.style("dim", time)} ${printable(`${line.deviceId} ${kind} ${text}`)}`,
  );
}

async function tail(context: Context, dataDir: string, options: TailOptions): Promise<void> {
  const interrupted = context.interrupted();
  const client = await runningClient(dataDir);
  const parameters = new URLSearchParams({ follow: "true" });
  if (options.device !== undefined) parameters.set("deviceId", options.device);
  if (options.after !== undefined) parameters.set("after", String(options.after));
  const limit = options.seconds === undefined ? [] : [AbortSignal.timeout(options.seconds * 1000)];
  const signal = AbortSignal.any([interrupted, ...limit]);
  const stream = await client.stream(`/events?${parameters}`, signal);
  let left = options.count ?? Number.POSITIVE_INFINITY;
  try {
    for await (const line of createInterface({ input: stream })) {
      show(JSON.parse(line) as EventLine, context.output);
      left -= 1;
      if (left <= 0) break;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    stream.destroy();
  }
}

/** Adds the verb `tail`. */
export function registerTail(hub: Command, context: Context): void {
  const most = Number.MAX_SAFE_INTEGER;
  hub
    .command("tail")
    .description("show telemetry and the hub's own events as they come")
    .option("--device <id>", "of this device only")
    .option("--after <n>", "begin after this sequence number", number("--after", 0, most))
    .option("--count <n>", "end after so many events", number("--count", 1, most))
    .option("--seconds <s>", "end after this time", number("--seconds", 0, 86_400))
    .action((options: TailOptions, command: Command) =>
      tail(context, dataDirOf(command, context), options),
    );
}
