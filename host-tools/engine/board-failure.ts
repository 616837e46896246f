// Reads the engine's account of why a board ended.
import type { AbortReason, Position } from "./board-types.ts";

/** By XS's exit status (xsAll.h): debugger (our restart), memory, stack, fatal check, dead strip, exception, keys, … */
export const abortReasons: readonly AbortReason[] = [
  "restart",
  "memory",
  "stack",
  "exception",
  "exception",
  "exception",
  "keys",
  "runaway",
  "rejection",
];

export const abortMessages: Record<AbortReason, string> = {
  memory: "out of memory: the board's heap is used up",
  stack: "stack overflow: calls are nested too deeply",
  runaway: "runaway code: one turn of the event loop exceeded its limit of codes",
  exception: "an exception was not caught",
  rejection: "a promise was rejected and nobody handled it",
  keys: "too many property names for the board's key table",
  restart: "the board restarted itself",
  "native-loop": "a loop inside the engine did not return in time",
  host: "the board's host failed",
  trap: "the engine failed",
  destroyed: "the board was destroyed",
};

/** First line: message. Then one `module:line:function` per frame, innermost first. */
export function parseFailure(text: string): { message: string; stack: Position[] } {
  const [message = "", ...frames] = text.split("\n");
  const stack: Position[] = [];
  for (const frame of frames) {
    const match = /^(.*):(\d+):([^:]*)$/.exec(frame);
    if (!match) continue;
    const [, file = "", line = "0", name = ""] = match;
    stack.push({ file, line: Number(line), ...(name ? { function: name } : {}) });
  }
  return { message, stack };
}

/** `message` and the innermost position, for one line of a log. */
export function describeFailure(failure: { message: string; stack: readonly Position[] }): string {
  const at = failure.stack[0];
  if (!at) return failure.message;
  const column = at.column === undefined ? "" : `:${at.column}`;
  return `${failure.message} (${at.file}:${at.line}${column})`;
}
