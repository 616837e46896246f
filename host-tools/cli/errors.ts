// How an error ends a command: what is said, and the exit code by cause.
import { CommanderError } from "commander";
import { exitCodes, UserError } from "../user-error.ts";
import { type Output, printable } from "./output.ts";

/** What happened in the terms of a command's end. */
export interface Failure {
  readonly message: string;
  readonly code: string;
  readonly exitCode: number;
  readonly hint: string | undefined;
  /** Present for our own bugs only. */
  readonly stack: string | undefined;
}

function isAbort(error: Error): boolean {
  return error.name === "AbortError" || ("code" in error && error.code === "ABORT_ERR");
}

/** Classifies whatever a command threw. */
export function classify(error: unknown): Failure {
  if (error instanceof UserError) {
    const { message, code, exitCode, hint } = error;
    return { message, code, exitCode, hint, stack: undefined };
  }
  if (error instanceof CommanderError) {
    const message = error.message.replace(/^error: /, "").replace(/\n+/g, " ");
    const code = error.code.replace(/^commander\./, "");
    return { message, code, exitCode: exitCodes.usage, hint: undefined, stack: undefined };
  }
  const cause = error instanceof Error ? error : new Error(String(error));
  if (isAbort(cause)) {
    const exitCode = exitCodes.interrupted;
    return { message: "interrupted", code: "interrupted", exitCode, hint: undefined, stack: "" };
  }
  return {
    message: cause.message,
    code: "internal",
    exitCode: exitCodes.bug,
    hint: "this is a bug in godwit; please report it with the lines above",
    stack: cause.stack ?? String(cause),
  };
}

/**
 * Reports a failure (text on stderr, with --json also an `error` event on stdout). `help` is the command that tells how
 * the failed one is used.
 */
export function report(error: unknown, output: Output, help: string): number {
  const classified = classify(error);
  const isMisused = classified.code === "bad-option" || error instanceof CommanderError;
  const failure = { ...classified, hint: classified.hint ?? (isMisused ? help : undefined) };
  if (output.json) {
    const { message, code, exitCode, hint } = failure;
    output.result("error", { code, message, exitCode, ...(hint && { try: hint }) }, "");
  }
  // Messages quote input: names in a hostile file must not drive the terminal.
  output.note(`godwit: ${failure.stack ? failure.stack : printable(failure.message)}`);
  if (failure.hint !== undefined) output.note(`try: ${printable(failure.hint)}`);
  return failure.exitCode;
}
