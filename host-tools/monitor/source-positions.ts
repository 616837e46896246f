// Positions in compiled JavaScript back to the TypeScript they came from.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { SourceMap } from "node:module";
import { basename, dirname, join, relative, resolve } from "node:path";
import { DeviceError } from "../serial/error.ts";
import { shorten } from "../shorten.ts";

const mapsMax = 256;
/** Names looked at to find out whether a folder holds source maps at all. */
const namesMax = 20_000;

/** @throws DeviceError `bad-input` for a folder that is missing or holds no source map */
export function openSourcePositions(folder: string, cwd: string): SourcePositions {
  const place = shorten(relative(cwd, folder) || ".");
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw new DeviceError("bad-input", `there is no folder ${place}`, {
      hint: "give the folder into which the firmware's TypeScript was compiled",
    });
  }
  if (!hasSourceMap(folder)) {
    throw new DeviceError("bad-input", `no .js.map file is in ${place}`, {
      hint: "compile with sourceMap, and give the folder with the .js files",
    });
  }
  return new SourcePositions(folder, cwd);
}

function hasSourceMap(folder: string): boolean {
  const folders = [folder];
  let names = 0;
  for (let next = folders.shift(); next !== undefined && names < namesMax; next = folders.shift()) {
    for (const entry of readdirSync(next, { withFileTypes: true })) {
      names++;
      if (entry.isFile() && entry.name.endsWith("js.map")) return true;
      if (entry.isDirectory()) folders.push(join(next, entry.name));
    }
  }
  return false;
}

export class SourcePositions {
  readonly #folder: string;
  readonly #cwd: string;
  /** By path as the board names it; undefined when there is no map. */
  readonly #maps = new Map<string, { map: SourceMap; file: string } | undefined>();

  /** `folder` holds the compiled .js files with their .js.map beside them. */
  constructor(folder: string, cwd: string = process.cwd()) {
    this.#folder = folder;
    this.#cwd = cwd;
  }

  /** "src/main.ts:12" for a position in compiled code; undefined when it cannot be told. */
  original(path: string, line: number): string | undefined {
    const found = this.#mapOf(path);
    const entry = found?.map.findEntry(line - 1, 0);
    if (!found || !entry || !("originalSource" in entry)) return undefined;
    const source = resolve(dirname(found.file), entry.originalSource);
    return `${relative(this.#cwd, source)}:${entry.originalLine + 1}`;
  }

  /** Replaces every `path.js:line` (or `path.js (line)`) in a text. */
  rewrite(text: string): string {
    return text.replace(
      /([\w./\\-]{1,200}\.m?js)(?::(\d{1,7})(?::\d{1,5})?|\s\((\d{1,7})\))/g,
      (whole, path: string, colon: string | undefined, bracket: string | undefined) =>
        this.original(path, Number(colon ?? bracket)) ?? whole,
    );
  }

  #mapOf(path: string): { map: SourceMap; file: string } | undefined {
    if (this.#maps.has(path)) return this.#maps.get(path);
    if (this.#maps.size === mapsMax) return undefined;
    const found = this.#load(path);
    this.#maps.set(path, found);
    return found;
  }

  /** A board names modules by specifier; the longest tail of the path that exists is taken. */
  #load(path: string): { map: SourceMap; file: string } | undefined {
    const parts = path
      .replaceAll("\\", "/")
      .split("/")
      .filter((part) => part !== ".." && part !== "");
    for (let skip = 0; skip < parts.length; skip++) {
      const file = join(this.#folder, ...parts.slice(skip));
      if (!existsSync(`${file}.map`)) continue;
      try {
        return { map: new SourceMap(JSON.parse(readFileSync(`${file}.map`, "utf8"))), file };
      } catch {
        return undefined;
      }
    }
    return basename(path) === path ? undefined : this.#load(basename(path));
  }
}
