// Options of the hub's verbs: reading and refusing them with the option's name.
import { type Command, Help } from "commander";
import { UserError } from "../../user-error.ts";

/** Options of the group itself that its verbs share; the others only run the hub. */
const shared = ["--data", "--json", "--help", "--version"];

/** Lets the help of a group's verbs show the shared options only. */
export function showSharedOptions(command: Command): void {
  command.configureHelp({
    showGlobalOptions: true,
    sortSubcommands: false,
    visibleGlobalOptions: (shown) =>
      new Help().visibleGlobalOptions
        .call({ showGlobalOptions: true, sortOptions: false } as Help, shown)
        .filter((option) => shared.includes(option.long ?? "")),
  });
}

function refuse(option: string, text: string, expected: string): never {
  throw new UserError(`${option} must be ${expected}, not '${text}'`, { code: "bad-option" });
}

/** Reader for a port number; 0 means any free one. */
export function port(option: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d{1,5}$/.test(text) || value > 65_535) refuse(option, text, "a port from 0 to 65535");
    return value;
  };
}

/** Reader for a number within bounds. */
export function number(option: string, least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !(value >= least && value <= most))
      refuse(option, text, `a number from ${least} to ${most}`);
    return value;
  };
}

/** Reads JSON given as an argument. */
export function json(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UserError(`${name} is no JSON: ${(error as Error).message}`, {
      code: "bad-json",
      hint: `quote it for the shell, for example '{"targetC": 21}'`,
    });
  }
}

/** Reads a JSON object given as an argument. */
export function jsonObject(name: string, text: string): object {
  const value = json(name, text);
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new UserError(`${name} must be a JSON object`, { code: "bad-json" });
  return value;
}

/** Collects `key=value` options. */
export function keyValue(
  text: string,
  previous: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const at = text.indexOf("=");
  if (at < 1) refuse("--property", text, "key=value");
  return { ...previous, [text.slice(0, at)]: text.slice(at + 1) };
}
