// Makes broken variants of the compiled flash log, runs all tests of its promises on each and says who survived.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { allChecks } from "./log-bound-checks.ts";
import { type Mutant, mutants } from "./log-mutants-table.ts";
import { AFTER, scriptOf, TIGHT } from "./log-scripts.ts";
import { type OpenLog, sweep } from "./log-sweep.ts";

/** Where the compiler has put the firmware, seen from this source or from its own compiled form. */
const built = ["../../build/firmware", "../../firmware"]
  .map((path) => fileURLToPath(new URL(path, import.meta.url)))
  .find((path) => existsSync(join(path, "telemetry", "log", "flash-log.js")))!;

export interface Verdict {
  readonly name: string;
  /** What noticed it; undefined: it survived. */
  readonly killedBy: string | undefined;
  readonly equivalent: string | undefined;
}

/** The log as compiled, with the edits of `mutant`; @throws Error if a text of it is not there exactly once. */
async function load(folder: string, mutant: Mutant): Promise<OpenLog> {
  const room = join(folder, "telemetry", "log");
  for (const part of [join("telemetry", "log"), "codec"]) {
    mkdirSync(join(folder, part), { recursive: true });
    for (const name of readdirSync(join(built, part))) {
      if (!name.endsWith(".js")) continue;
      // Without the reference to source maps, which do not fit what was changed.
      const text = readFileSync(join(built, part, name), "utf8").replace(/\n\/\/# .*$/, "");
      writeFileSync(join(folder, part, name), text);
    }
  }
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
  for (const [module, from, to] of mutant.edits) {
    const path = join(room, `${module}.js`);
    const parts = readFileSync(path, "utf8").split(from);
    if (parts.length !== 2) {
      throw new Error(
        `mutant '${mutant.name}': '${from}' stands ${parts.length - 1} times in ${module}`,
      );
    }
    writeFileSync(path, parts.join(to));
  }
  const url = pathToFileURL(join(room, "flash-log.js")).href;
  const { FlashLog } = await import(/* @vite-ignore */ url);
  return (options) => new FlashLog(options);
}

/** What notices that `open` makes broken logs: the name of a check, or the message of a sweep. */
function killer(open: OpenLog, seeds: number): string | undefined {
  for (const [name, check] of Object.entries(allChecks)) {
    try {
      check(open);
    } catch {
      return name;
    }
  }
  for (let seed = 1; seed <= seeds; seed++) {
    const script = scriptOf(seed, 60);
    try {
      // Every other time the watermark is hardly ever written by itself: other mistakes show then.
      const acksMax = seed % 2 === 0 ? 200 : 8;
      sweep({ open, shape: TIGHT, after: AFTER, acksMax, depthEvery: 40, script });
    } catch (error) {
      return (error as Error).message;
    }
  }
  return undefined;
}

/** Verdicts over all mutants; `seeds` sweeps are made of those that no check has noticed. */
export async function judgeMutants(seeds: number): Promise<Verdict[]> {
  const original: Mutant = { name: "original", edits: [] };
  const verdicts: Verdict[] = [];
  for (const mutant of [original, ...mutants]) {
    const folder = mkdtempSync(join(tmpdir(), "godwit-mutant-"));
    try {
      const killedBy = killer(await load(folder, mutant), mutant === original ? 1 : seeds);
      if (mutant !== original) {
        verdicts.push({ name: mutant.name, killedBy, equivalent: mutant.equivalent });
      } else if (killedBy) throw new Error(`the log itself is broken: ${killedBy}`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
  return verdicts;
}

export function mutantTable(verdicts: readonly Verdict[]): string {
  return verdicts
    .map(({ name, killedBy, equivalent }) => {
      const fate = killedBy ? `killed by: ${killedBy}` : `survives: ${equivalent ?? "UNEXPLAINED"}`;
      return `${name.padEnd(58)} ${fate}`;
    })
    .join("\n");
}
