// `godwit hub fault <verb> [device]`: outages on purpose.
import type { Command } from "commander";
import { faultVerbs } from "../../hub/https/fault-routes.ts";
import { UserError } from "../../user-error.ts";
import type { Context } from "../command.ts";
import { didYouMean } from "../did-you-mean.ts";
import { number } from "./options.ts";
import { dataDirOf, runningClient } from "./service.ts";

interface FaultOptions {
  readonly seconds?: number;
  readonly code?: number;
  readonly delayMs?: number;
  readonly skewMs?: number;
}

async function fault(
  context: Context,
  dataDir: string,
  [verb, deviceId]: readonly [string, string | undefined],
  options: FaultOptions,
): Promise<void> {
  const known = [...faultVerbs, "clear"];
  if (!known.includes(verb))
    throw new UserError(`unknown fault '${verb}'`, {
      code: "unknown-fault",
      hint: `godwit hub fault ${didYouMean(verb, known) ?? known.join("|")}`,
    });
  const client = await runningClient(dataDir);
  if (verb === "clear") {
    await client.call("DELETE", "/faults");
    context.output.result("fault", { verb }, "all faults have ended");
    return;
  }
  const body = {
    ...(deviceId !== undefined && { deviceId }),
    ...(options.seconds !== undefined && { durationS: options.seconds }),
    ...(options.code !== undefined && { returnCode: options.code }),
    ...(options.delayMs !== undefined && { delayMs: options.delayMs }),
    ...(options.skewMs !== undefined && { skewMs: options.skewMs }),
  };
  const done = (await client.call("POST", `/faults/${verb}`, { body })) as Record<string, unknown>;
  const whom = deviceId ?? "all devices";
  context.output.result("fault", done, `${verb} for ${whom}: ${JSON.stringify(done)}`);
}

/** Adds the verb `fault`. */
export function registerFault(hub: Command, context: Context): void {
  hub
    .command("fault <verb> [device]")
    .description(
      `outages on purpose: ${faultVerbs.join(", ")}, clear; all devices when none is named`,
    )
    .option("--seconds <s>", "how long it lasts", number("--seconds", 0.1, 86_400))
    .option("--code <n>", "refuse: CONNACK code 3, 4 or 5", number("--code", 3, 5))
    .option("--delay-ms <ms>", "delay: how long answers are held", number("--delay-ms", 0, 60_000))
    .option(
      "--skew-ms <ms>",
      "skew: how far the hub's clock moves",
      number("--skew-ms", -1e13, 1e13),
    )
    .action((verb: string, device: string | undefined, o: FaultOptions, command: Command) =>
      fault(context, dataDirOf(command, context), [verb, device], o),
    );
}
