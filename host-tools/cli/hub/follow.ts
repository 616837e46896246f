// What the verbs that follow the hub's events have in common: which events, how many, for how long.
import type { Readable } from "node:stream";
import type { Command } from "commander";
import { exitCodes, UserError } from "../../user-error.ts";
import type { Context } from "../command.ts";
import { number } from "./options.ts";
import { dataDirOf, runningClient } from "./service.ts";

export interface FollowOptions {
  readonly device?: string;
  readonly after?: number;
  readonly count?: number;
  readonly seconds?: number;
}

/** Adds these options; `things` are what is counted. */
export function followOptions(command: Command, things: string): Command {
  const most = Number.MAX_SAFE_INTEGER;
  return command
    .option("--device <id>", "of this device only")
    .option("--after <n>", "begin after this sequence number", number("--after", 0, most))
    .option("--count <n>", `end after so many ${things}`, number("--count", 1, most))
    .option("--seconds <s>", "end after this time", number("--seconds", 0, 86_400));
}

export interface Following<T> {
  /** Makes the things out of the bytes of the events. */
  read(events: Readable): AsyncIterable<T>;
  show(one: T): void;
  /** Whatever ended it. */
  end?(): void;
}

/** What broke a stream of events: the hub's end, or the line's, is no bug. */
export function lineLost(cause: unknown): unknown {
  if ((cause as NodeJS.ErrnoException).code !== "ECONNRESET") return cause;
  return new UserError("the hub has ended, or the line to it", {
    code: "hub-gone",
    exitCode: exitCodes.unreachable,
    hint: "start it with: godwit hub",
    cause,
  });
}

/** Shows what comes until there was enough of it, the time is up or somebody interrupts; none of these is an error. */
export async function follow<T>(
  command: Command,
  options: FollowOptions,
  context: Context,
  { read, show, end }: Following<T>,
): Promise<void> {
  const interrupted = context.interrupted();
  const { device, after, count, seconds } = options;
  const client = await runningClient(dataDirOf(command, context));
  const parameters = new URLSearchParams({ follow: "true" });
  if (device !== undefined) parameters.set("deviceId", device);
  if (after !== undefined) parameters.set("after", String(after));
  const limit = seconds === undefined ? [] : [AbortSignal.timeout(seconds * 1000)];
  const signal = AbortSignal.any([interrupted, ...limit]);
  const events = await client.stream(`/events?${parameters}`, signal);
  let left = count ?? Number.POSITIVE_INFINITY;
  try {
    for await (const one of read(events)) {
      show(one);
      left -= 1;
      if (left <= 0) break;
    }
  } catch (error) {
    if (!signal.aborted) throw lineLost(error);
  } finally {
    events.destroy();
    end?.();
  }
}
