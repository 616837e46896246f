// Builds the XS engine as two WebAssembly modules (board, compiler) from npm sources with an npm compiler.
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { UserError } from "../user-error.ts";
import { readCacheFile, writeCacheFile } from "./cache-file.ts";
import { ClangPool } from "./clang-pool.ts";
import { defaultCacheDir } from "./paths.ts";
import { linkArguments, type ModuleName, type Recipe, readRecipe, sha256 } from "./recipe.ts";

export interface BuildProgress {
  done: number;
  total: number;
  /** What has just been finished. */
  name: string;
}

export interface BuildOptions {
  cacheDir?: string;
  onProgress?: (progress: BuildProgress) => void;
  /** Compilers at a time; each takes about 450 MB. */
  workers?: number;
  /** Links again although the modules are cached (reproducibility checks). */
  relink?: boolean;
}

/** A built engine: two WebAssembly modules and what they are made of. */
export interface Engine {
  boardWasm: Uint8Array;
  compilerWasm: Uint8Array;
  /** SHA-256 over both modules: belongs to every snapshot and every cached bytecode. */
  hash: string;
  cacheDir: string;
  /** Objects compiled now (0: everything came from the cache). */
  compiled: number;
}

const modules: ModuleName[] = ["board", "compiler"];

/**
 * What a cache holds for the sources of now: `damaged` when a module is there in part or its hash does
 * not fit, `parts` when only some objects are there, as an interrupted build leaves them.
 */
export type CacheState = "built" | "parts" | "damaged" | "empty";

/** Reads and verifies the engine in a cache without building anything. */
export function inspectCache(cacheDir: string = defaultCacheDir): CacheState {
  const recipe = readRecipe();
  const paths = modules.map((name) => modulePath(cacheDir, recipe, name));
  if (paths.every((path) => readCacheFile(path) !== undefined)) return "built";
  if (paths.some((path) => existsSync(path))) return "damaged";
  const hasPart = recipe.units.some((unit) => existsSync(join(cacheDir, "objects", unit.key)));
  return hasPart ? "parts" : "empty";
}

/** Builds what is not cached. @throws UserError when the sources or the compiler do not fit. */
export async function buildEngine(options: BuildOptions = {}): Promise<Engine> {
  const cacheDir = options.cacheDir ?? defaultCacheDir;
  const recipe = readRecipe();
  const cached = modules.map((name) => readCacheFile(modulePath(cacheDir, recipe, name)));
  const [board, compiler] = cached;
  if (board && compiler && !options.relink) return engine(board, compiler, cacheDir, 0);
  const pool = new ClangPool(
    recipe.headers,
    options.workers ?? Math.min(2, availableParallelism()),
  );
  try {
    const built = await compileAll(pool, recipe, cacheDir, options);
    const linked = await Promise.all(
      modules.map((name) => link(pool, recipe, name, built.objects)),
    );
    for (const [index, name] of modules.entries())
      writeCacheFile(modulePath(cacheDir, recipe, name), linked[index] as Uint8Array);
    const total = recipe.units.length + 1;
    options.onProgress?.({ done: total, total, name: "link" });
    const [newBoard, newCompiler] = linked as [Uint8Array, Uint8Array];
    return engine(newBoard, newCompiler, cacheDir, built.compiled);
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    throw new UserError(`the engine could not be built: ${(cause as Error).message}`, {
      hint: "npm ci (reinstalls @agoric/xsnap and @yowasp/clang), then the same command again",
      cause,
    });
  } finally {
    await pool.close();
  }
}

function engine(board: Uint8Array, compiler: Uint8Array, cacheDir: string, compiled: number) {
  const hash = sha256(board, compiler);
  return { boardWasm: board, compilerWasm: compiler, hash, cacheDir, compiled };
}

function modulePath(cacheDir: string, recipe: Recipe, name: ModuleName): string {
  return join(cacheDir, "modules", recipe.hash.slice(0, 16), `${name}.wasm`);
}

async function compileAll(
  pool: ClangPool,
  recipe: Recipe,
  cacheDir: string,
  options: BuildOptions,
) {
  const objects = new Map<string, Uint8Array>();
  const total = recipe.units.length + 1;
  let compiled = 0;
  const tasks = recipe.units.map(async (unit) => {
    const path = join(cacheDir, "objects", unit.key);
    let object = readCacheFile(path);
    if (!object) {
      const file = `${unit.name}.c`;
      const args = [...unit.flags, "-c", file, "-o", "out.o"];
      object = await pool.run(args, { [file]: unit.source }, "out.o");
      writeCacheFile(path, object);
      compiled++;
    }
    objects.set(unit.name, object);
    options.onProgress?.({ done: objects.size, total, name: unit.name });
  });
  await Promise.all(tasks);
  return { objects, compiled };
}

function link(
  pool: ClangPool,
  recipe: Recipe,
  module: ModuleName,
  objects: ReadonlyMap<string, Uint8Array>,
): Promise<Uint8Array> {
  const files: Record<string, Uint8Array> = {};
  for (const name of recipe.objects[module]) {
    const object = objects.get(name);
    if (object) files[`${name}.o`] = object;
  }
  return pool.run(linkArguments(module, Object.keys(files)), files, "out.wasm");
}
