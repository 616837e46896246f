// `godwit hub tail`: the hub's events as they come.
import { createInterface } from "node:readline";
import type { Command } from "commander";
import type { Context } from "../command.ts";
import { type Output, printable } from "../output.ts";
import { type FollowOptions, follow, followOptions } from "./follow.ts";

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

/** Adds the verb `tail`. */
export function registerTail(hub: Command, context: Context): void {
  const command = hub
    .command("tail")
    .description("show telemetry and the hub's own events as they come");
  followOptions(command, "events").action((options: FollowOptions, self: Command) =>
    follow(self, options, context, {
      read: (events) => createInterface({ input: events }),
      show: (line) => show(JSON.parse(line) as EventLine, context.output),
    }),
  );
}
