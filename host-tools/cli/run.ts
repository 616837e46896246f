// Runs one command line: finds the verb, loads its module alone, parses, reports the end.
import { Command, CommanderError } from "commander";
import { exitCodes, UserError } from "../user-error.ts";
import type { Context, Verb } from "./command.ts";
import { didYouMean } from "./did-you-mean.ts";
import { report } from "./errors.ts";
import { createOutput, type Output, type Sink } from "./output.ts";

export interface RunOptions {
  readonly verbs: Readonly<Record<string, Verb>>;
  readonly version: string;
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  interrupted(): AbortSignal;
}

/** Verbs named by a command line: the first operand, or the one that `help` is asked about. */
function namedVerb(args: readonly string[]): string | undefined {
  const operands = args.filter((argument) => !argument.startsWith("-"));
  return operands[0] === "help" ? operands[1] : operands[0];
}

function wantsJson(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return (end < 0 ? args : args.slice(0, end)).includes("--json");
}

function unknownName(name: string, known: readonly string[], parent: string): UserError {
  const near = didYouMean(name, known);
  return new UserError(`unknown command '${parent} ${name}'`, {
    code: "unknown-command",
    hint: near ? `${parent} ${near}` : `${parent} --help`,
  });
}

/** Commander counts a misspelt subcommand as an argument too many; this names it. */
function misspeltSubcommand(command: Command, args: readonly string[]): UserError | undefined {
  let current = command;
  let path = current.name();
  for (const word of args) {
    if (word.startsWith("-")) return undefined;
    const next = current.commands.find((child) => child.name() === word);
    if (!next) {
      const known = current.commands.map((child) => child.name());
      return known.length === 0 ? undefined : unknownName(word, known, path);
    }
    current = next;
    path += ` ${word}`;
  }
  return undefined;
}

/** A group alone, for example `godwit engine`: names what it could have been. */
function missingSubcommand(program: Command, args: readonly string[]): UserError {
  let current = program;
  const path = [program.name()];
  for (const word of args) {
    const next = current.commands.find((child) => child.name() === word);
    if (!next) continue;
    current = next;
    path.push(word);
  }
  const known = current.commands.map((child) => child.name()).filter((name) => name !== "help");
  const next = known.length === 1 ? known[0] : "--help";
  return new UserError(`'${path.join(" ")}' needs one of: ${known.join(", ")}`, {
    code: "missing-command",
    hint: `${path.join(" ")} ${next}`,
  });
}

function createProgram(options: RunOptions, output: Output): Command {
  const program = new Command("godwit")
    .description("Connected microcontrollers in TypeScript: run, simulate, connect, test.")
    .version(options.version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => output.result("text", { text }, text.trimEnd()),
      // A refused command line is thrown as well; errors.ts reports it.
      writeErr: () => {},
    })
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .option("--json", "results as NDJSON on stdout, each line with its schema");
  for (const [name, verb] of Object.entries(options.verbs))
    program.command(name).description(verb.summary);
  return program;
}

async function dispatch(
  args: readonly string[],
  options: RunOptions,
  output: Output,
): Promise<void> {
  const program = createProgram(options, output);
  const name = namedVerb(args);
  if (
    name === undefined &&
    !args.some((argument) => argument.startsWith("-") && argument !== "--json")
  )
    return program.help();
  if (name !== undefined && name !== "help") {
    const verb = Object.hasOwn(options.verbs, name) ? options.verbs[name] : undefined;
    if (!verb) throw unknownName(name, Object.keys(options.verbs), "godwit");
    const module = await verb.load();
    const command = program.commands.find((child) => child.name() === name)!;
    const { env, cwd } = options;
    const context: Context = { output, env, cwd, interrupted: () => options.interrupted() };
    module.register(command, context);
  }
  try {
    await program.parseAsync([...args], { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError && error.code === "commander.help")
      throw missingSubcommand(program, args);
    if (!(error instanceof CommanderError) || error.code !== "commander.excessArguments")
      throw error;
    throw misspeltSubcommand(program, args) ?? error;
  }
}

/** Runs a command line (without `node` and the script) and gives its exit code. */
export async function run(args: readonly string[], options: RunOptions): Promise<number> {
  const name = namedVerb(args);
  const known = name !== undefined && Object.hasOwn(options.verbs, name);
  const { stdout, stderr, env } = options;
  const schema = `godwit/${known ? name : "cli"}/1`;
  const output = createOutput({ json: wantsJson(args), schema, stdout, stderr, env });
  try {
    await dispatch(args, options, output);
    return exitCodes.ok;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.ok;
    return report(error, output, known ? `godwit ${name} --help` : "godwit --help");
  } finally {
    output.end();
  }
}
