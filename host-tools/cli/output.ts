// What a command says: results on stdout (text or NDJSON), progress and notes on stderr.
import { type LiveProgress, progressBar, progressLines } from "./progress.ts";

export interface Sink {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

export interface Progress {
  /** Fraction done, 0 to 1; detail is shown behind the bar. */
  update(fraction: number, detail?: string): void;
  /** Ends the display; the text replaces the label. */
  end(text?: string): void;
}

export type StyleName = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

export interface Output {
  readonly json: boolean;
  /** One result: an NDJSON line `{"schema", "event", …}` with --json, else the human text. */
  result(event: string, fields: Readonly<Record<string, unknown>>, human: string): void;
  /** The sum of a command: written last of all, behind the error of a command that fails. */
  summary(fields: Readonly<Record<string, unknown>>, human: string): void;
  /** Tells people something on stderr. */
  note(text: string): void;
  progress(label: string): Progress;
  /** Styles text for stdout; plain when stdout is no terminal or NO_COLOR is set. */
  style(name: StyleName, text: string): string;
}

export interface OutputOptions {
  readonly json: boolean;
  /** Name of the schema that every NDJSON line carries, for example `godwit/hub/1`. */
  readonly schema: string;
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const styleCodes: Readonly<Record<StyleName, number>> = {
  bold: 1,
  dim: 2,
  red: 31,
  green: 32,
  yellow: 33,
  cyan: 36,
};

/** Whether a stream takes colours (no-color.org; FORCE_COLOR for pipes that do). */
export function hasColor(sink: Sink, env: OutputOptions["env"]): boolean {
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR && env.FORCE_COLOR !== "0") return true;
  return sink.isTTY === true && env.TERM !== "dumb";
}

/** Text of others made safe for a terminal: control characters become visible escapes. */
export function printable(text: string): string {
  return text.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are the point
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** The output of one command, with what only its runner does. */
export interface CommandOutput extends Output {
  /** Writes the summary, if the command gave one. Nothing may follow. */
  end(): void;
}

/** Makes the output of one command. */
export function createOutput(options: OutputOptions): CommandOutput {
  const { json, schema, stdout, stderr, env } = options;
  const color = hasColor(stdout, env);
  let last: (() => void) | undefined;
  let bar: LiveProgress | undefined;
  const result: Output["result"] = (event, fields, human) => {
    bar?.clear();
    if (json) stdout.write(`${JSON.stringify({ schema, event, ...fields })}\n`);
    else if (human !== "") stdout.write(`${human}\n`);
  };
  return {
    json,
    result,
    summary(fields, human) {
      last = () => result("summary", fields, human);
    },
    end() {
      last?.();
      last = undefined;
    },
    note(text) {
      bar?.clear();
      stderr.write(`${text}\n`);
    },
    progress(label) {
      const live = stderr.isTTY === true && env.TERM !== "dumb";
      if (!live) return progressLines(stderr, label);
      bar = progressBar(stderr, label);
      return bar;
    },
    style(name, text) {
      return color ? `\u001b[${styleCodes[name]}m${text}\u001b[0m` : text;
    },
  };
}
