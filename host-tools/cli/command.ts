// What a verb's module gives to the command line, and what it gets.
import type { Command } from "commander";
import type { Output } from "./output.ts";

export interface Context {
  readonly output: Output;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /**
   * Aborted by Ctrl-C or SIGTERM. Asking for it turns the signals' default (an immediate end) off;
   * a second signal ends the process at once.
   */
  interrupted(): AbortSignal;
}

/** A file `commands/<verb>.ts`. It is loaded only when its verb is used. */
export interface CommandModule {
  /** Adds arguments, options, subcommands and actions to the verb's command. */
  register(command: Command, context: Context): void;
}

/** A line of the verb table. */
export interface Verb {
  readonly summary: string;
  load(): Promise<CommandModule>;
}
