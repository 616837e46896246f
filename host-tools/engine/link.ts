// Links an app's modules into one: one scope, no unused code, names reached through a table (image-table.ts).
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { rolldown } from "rolldown";
import { tabulate } from "./image-table.ts";

/** A module of the app: JavaScript with canonical specifiers, and its file, with the source map beside it. */
export interface LinkSource {
  code: string;
  file: string;
}

export interface LinkedModule {
  specifier: string;
  code: string;
  map: string;
}

/** Specifier of the module that holds everything but main. */
export const imageSpecifier = "godwit:image";

/**
 * Links everything that `main` reaches. Main stays a module of its own: running it is starting the app.
 * `isExternal` tells which specifiers the engine has; source maps are for files in `folder`.
 */
export async function linkModules(
  main: string,
  sources: ReadonlyMap<string, LinkSource>,
  isExternal: (specifier: string) => boolean,
  folder: string,
): Promise<LinkedModule[]> {
  const bundle = await rolldown({
    input: { [main]: main },
    logLevel: "silent",
    external: (specifier) => isExternal(specifier),
    plugins: [
      {
        name: "godwit",
        resolveId: (specifier) => (sources.has(specifier) ? specifier : null),
        load: (specifier) => loaded(sources.get(specifier), specifier),
      },
    ],
  });
  const { output } = await bundle.generate({
    format: "esm",
    dir: folder,
    sourcemap: true,
    // Not even its removal of dead code: it takes `while (true) {}` for one that does nothing.
    minify: false,
    entryFileNames: "[name].js",
    chunkFileNames: "[name].js",
    codeSplitting: {
      groups: [{ name: "image", test: (specifier: string) => specifier !== main }],
    },
  });
  await bundle.close();
  const chunks = output.filter((one) => one.type === "chunk");
  if (chunks.length > 2) throw new Error(`the linker made ${chunks.length} modules`);
  return chunks.reverse().map((chunk) => ({
    specifier: chunk.isEntry ? main : imageSpecifier,
    code: nameImage(chunk.isEntry ? chunk.code : tabulate(chunk.code)),
    map: chunk.map?.toString() ?? "",
  }));
}

function nameImage(code: string): string {
  return code.replaceAll('"./image.js"', `"${imageSpecifier}"`);
}

/**
 * With the compiler's map, its sources as absolute paths. An author's modules stay whole: a linker takes a loop without
 * end for code without effect, and the board has to run what was written. godwit's own have no such loop.
 */
function loaded(source: LinkSource | undefined, specifier: string) {
  if (!source) return null;
  const map = JSON.parse(readFileSync(`${source.file}.map`, "utf8"));
  const folder = dirname(source.file);
  map.sources = map.sources.map((one: string) => resolve(folder, one));
  const isOurs = specifier.startsWith("godwit/");
  return { code: source.code, map, ...(!isOurs && { moduleSideEffects: "no-treeshake" as const }) };
}
