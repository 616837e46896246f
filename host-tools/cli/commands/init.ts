// `godwit init <dir>`: a new project that runs at once.
import { relative, resolve } from "node:path";
import type { Command } from "commander";
import { UserError } from "../../user-error.ts";
import type { Context } from "../command.ts";
import { didYouMean } from "../did-you-mean.ts";
import { createProject, type Template, templates } from "../init/project.ts";

function templateOf(name: string): Template {
  const found = templates.find((template) => template === name);
  if (found) return found;
  const near = didYouMean(name, templates) ?? templates.join(" or ");
  throw new UserError(`there is no template '${name}'`, {
    code: "unknown-template",
    hint: `--template ${near}`,
  });
}

/** How the person called us: what is shown must work as it stands. */
function calledAs({ env }: Context): string {
  if (env.npm_lifecycle_event === "godwit") return "npm run godwit --";
  return env.npm_command === "exec" ? "npx godwit" : "godwit";
}

function init(context: Context, dir: string, options: { template: string }): void {
  const template = templateOf(options.template);
  const folder = resolve(context.cwd, dir);
  const { files, linked } = createProject(folder, template);
  const fromHere = relative(context.cwd, folder) || ".";
  const shown = fromHere.startsWith("..") ? folder : fromHere;
  context.output.result(
    "created",
    { dir: folder, template, files, linked },
    [
      `${template} in ${shown}: ${files.filter((file) => !file.startsWith(".")).join(", ")}`,
      "",
      "Run it on the XS engine with a local IoT Hub:",
      `  ${calledAs(context)} sim ${shown}`,
    ].join("\n"),
  );
}

/** Adds the verb. */
export function register(command: Command, context: Context): void {
  command
    .argument("<dir>", "folder of the new project; new or empty")
    .option("--template <name>", templates.join(" or "), "thermostat")
    .action((dir: string, options: { template: string }) => init(context, dir, options));
}
