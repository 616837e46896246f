// Positions in compiled JavaScript back to TypeScript (source map v3, ECMA-426).
import { existsSync, readFileSync } from "node:fs";
import { SourceMap } from "node:module";
import { dirname, resolve } from "node:path";
import type { Position } from "./board-types.ts";

/** Maps positions of the modules whose JavaScript files are given; others stay as they are. */
export class PositionMap {
  #files: ReadonlyMap<string, string>;
  #maps = new Map<string, { map: SourceMap; lines: string[] } | undefined>();

  /** `files`: compiled JavaScript file by specifier. */
  constructor(files: ReadonlyMap<string, string>) {
    this.#files = files;
  }

  /** XS knows lines only: the column is that of the first token of the statement's line. */
  map(position: Position): Position {
    const file = this.#files.get(position.file);
    const entry = file === undefined ? undefined : this.#load(file);
    if (!file || !entry) return position;
    const text = entry.lines[position.line - 1] ?? "";
    const indent = text.length - text.trimStart().length;
    const found = entry.map.findEntry(position.line - 1, indent);
    if (!("originalSource" in found)) return position;
    return {
      ...position,
      file: resolve(dirname(file), found.originalSource),
      line: found.originalLine + 1,
      column: found.originalColumn + 1,
    };
  }

  #load(file: string) {
    if (!this.#maps.has(file)) {
      const mapFile = `${file}.map`;
      this.#maps.set(
        file,
        existsSync(mapFile)
          ? {
              map: new SourceMap(JSON.parse(readFileSync(mapFile, "utf8"))),
              lines: readFileSync(file, "utf8").split("\n"),
            }
          : undefined,
      );
    }
    return this.#maps.get(file);
  }
}
