// Reads and applies firmware/engine/xs-patches.txt: exact text replacements in XS's sources, made in memory.
import { UserError } from "../user-error.ts";

export interface SourceChange {
  file: string;
  anchor: string;
  replacement: string;
}

/** Parses the patch file. @throws Error on a malformed file (ours, so a bug). */
export function parsePatches(text: string): SourceChange[] {
  const changes: SourceChange[] = [];
  const blocks = text.split(/^@@ /m).slice(1);
  for (const block of blocks) {
    const match = /^(\S+)\n--\n([\s\S]*?)\n\+\+\n([\s\S]*)$/.exec(block);
    if (!match) throw new Error(`xs-patches.txt: malformed change "${block.slice(0, 40)}"`);
    const [, file = "", anchor = "", rest = ""] = match;
    // A blank line ends a change; comments and the next change may follow.
    const body = rest.split(/\n(?=\n*(?:# [^\n]*\n|#\n)*\s*$)/)[0] ?? rest;
    changes.push({ file, anchor, replacement: body.replace(/\n+$/, "") });
  }
  return changes;
}

/** Applies the changes of one file. @throws UserError when an anchor does not occur exactly once. */
export function applyPatches(
  file: string,
  source: string,
  changes: readonly SourceChange[],
): string {
  let text = source;
  for (const change of changes) {
    if (change.file !== file) continue;
    const first = text.indexOf(change.anchor);
    if (first < 0 || text.indexOf(change.anchor, first + 1) >= 0)
      throw new UserError(
        `the engine source ${file} is not the one godwit's patches were made for`,
        { hint: "npm ci (reinstalls @agoric/xsnap in the version of the lock file)" },
      );
    text = text.slice(0, first) + change.replacement + text.slice(first + change.anchor.length);
  }
  return text;
}
