// Where the package, its engine sources and its caches are, from source and from build/ alike.
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

function findRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const manifest = join(folder, "package.json");
    if (existsSync(manifest) && JSON.parse(readFileSync(manifest, "utf8")).name === "godwit")
      return folder;
    const parent = dirname(folder);
    if (parent === folder) throw new Error("godwit's package.json was not found");
    folder = parent;
  }
}

/** Folder of godwit's package.json. */
export const packageRoot = findRoot();

/** Default folder for everything the engine build and the app compiler keep. */
export const defaultCacheDir = join(packageRoot, "build", "engine-cache");

/** Folder of an installed package, wherever npm hoisted it to. */
export function packageDir(name: string): string {
  const require = createRequire(join(packageRoot, "package.json"));
  for (const folder of require.resolve.paths(name) ?? []) {
    const candidate = join(folder, name);
    if (existsSync(join(candidate, "package.json"))) return candidate;
  }
  throw new Error(`package ${name} is not installed`);
}

/** Version of an installed package. */
export function packageVersion(name: string): string {
  return JSON.parse(readFileSync(join(packageDir(name), "package.json"), "utf8")).version;
}

/** A worker's file: Node 20 cannot run TypeScript, so from source the compiled sibling in build/ is used. */
export function workerFile(name: string): URL {
  if (!import.meta.url.endsWith(".ts")) return new URL(`./${name}.js`, import.meta.url);
  return pathToFileURL(join(packageRoot, "build", "host-tools", "engine", `${name}.js`));
}
