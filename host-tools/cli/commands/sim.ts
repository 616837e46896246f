// `godwit sim`: boards on the real XS engine, against a local hub, in real or in virtual time.
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { UserError } from "../../user-error.ts";
import type { Context } from "../command.ts";
import { number } from "../hub/options.ts";
import { packageRoot } from "../package-root.ts";
import type { SimOptions } from "../sim/options.ts";

const boardsMax = 1000;
const daysMax = 366;

async function sim(
  context: Context,
  appDir: string | undefined,
  options: SimOptions,
): Promise<void> {
  if (appDir === undefined && !options.demo)
    throw new UserError("no app given", {
      code: "no-app",
      hint: "godwit init my-app && godwit sim my-app, or npm start for the demo",
    });
  const folder =
    appDir === undefined
      ? join(packageRoot(), "firmware", "apps", "thermostat")
      : resolve(context.cwd, appDir);
  if (options.virtual) {
    if (options.hub !== undefined)
      context.output.note("--hub has no effect with --virtual: a simulated world has its own hub");
    const { simulateVirtually } = await import("../sim/virtual.ts");
    await simulateVirtually(context, folder, options);
  } else {
    const { simulateReally } = await import("../sim/real.ts");
    await simulateReally(context, folder, options);
  }
}

/** Adds the verb. */
export function register(command: Command, context: Context): void {
  command
    .argument("[app]", "folder of the app (main.ts)")
    .option("--boards <n>", "how many boards run it", number("--boards", 1, boardsMax), 3)
    .option("--seconds <s>", "end after this time", number("--seconds", 1, 86_400))
    .option(
      "--hub <connection>",
      "data folder of a running hub, or its owner connection string; others on this machine can read " +
        "arguments, so give the string as GODWIT_HUB_CONNECTION (default: an own hub)",
    )
    .option("--ca <file>", "CA of that hub, PEM")
    .option(
      "--mqtt-port <port>",
      "MQTT port of that hub, where it is not the one that the hub tells",
      number("--mqtt-port", 1, 65_535),
    )
    .option("--seed <n>", "seed of a virtual world", number("--seed", 0, 2 ** 32 - 1), 1)
    .option("--virtual", "virtual time and a simulated network instead of real ones")
    .option("--days <n>", "virtual days to run", number("--days", 0.001, daysMax), 1)
    .option("--demo", "show twin, method and message at work; the thermostat when no app is given")
    .option("--method <name>", "method that the key m calls", "getMaxMinReport")
    .action((appDir: string | undefined, options: SimOptions) => sim(context, appDir, options));
}
