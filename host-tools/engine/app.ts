// From an app's folder to bytecode: TypeScript, the modules it reaches, one specifier per file, .xsb.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { UserError } from "../user-error.ts";
import type { Position } from "./board-types.ts";
import type { Engine } from "./build.ts";
import { compileModule, SourceError } from "./bytecode.ts";
import { engineBootOrder } from "./engine-modules.ts";
import { linkModules } from "./link.ts";
import { PositionMap } from "./source-map.ts";
import { canonicalSpecifier, packageFile } from "./specifiers.ts";
import { compileTypeScript, type TypeScriptOutput } from "./typescript.ts";

export interface CompiledApp {
  /** Specifier of the main module. */
  main: string;
  /** Bytecode of every module the app reaches, by specifier. */
  modules: Map<string, Uint8Array>;
  /** Everything but main, dependencies first: what a device image preloads (`Board.load`). */
  preload: string[];
  /** Source file of each module. */
  files: Map<string, string>;
  mapPosition(position: Position): Position;
}

interface Walk {
  appDir: string;
  cacheDir: string;
  output: TypeScriptOutput;
  /** Rewritten JavaScript by specifier, in the order dependencies come first. */
  sources: Map<string, string>;
  files: Map<string, string>;
  open: Set<string>;
}

/**
 * Compiles `<appDir>/main.ts` with everything it imports. The app may live anywhere: `godwit/...` is found in this
 * package without an installation. Everything but main is linked into one module unless `link` is false.
 * @throws SourceError with file, line and column; UserError when the folder is no app
 */
export async function compileApp(
  engine: Engine,
  appDir: string,
  options: { link?: boolean } = {},
): Promise<CompiledApp> {
  const folder = resolve(appDir);
  const main = join(folder, "main.ts");
  if (!existsSync(main))
    throw new UserError(`no app in ${folder}: main.ts is missing`, {
      hint: "godwit init <folder>",
      code: "no-app",
    });
  const id = createHash("sha256").update(folder).digest("hex").slice(0, 16);
  const cacheDir = join(engine.cacheDir, "apps", id);
  const output = await compileTypeScript(folder, main, cacheDir);
  const walk: Walk = {
    appDir: folder,
    cacheDir,
    output,
    sources: new Map(),
    files: new Map(),
    open: new Set(),
  };
  visit(walk, main);
  const mainSpecifier = canonicalSpecifier(main, folder);
  const program = options.link === false ? separate(walk) : await linked(walk, mainSpecifier);
  const modules = new Map<string, Uint8Array>();
  for (const { specifier, code, file } of program)
    modules.set(specifier, compileModule(engine, { specifier, source: code, file }));
  const positions = new PositionMap(new Map(program.map((one) => [one.specifier, one.file])));
  return {
    main: mainSpecifier,
    modules,
    preload: [...modules.keys()].filter((specifier) => specifier !== mainSpecifier),
    files: walk.files,
    mapPosition: (position) => positions.map(position),
  };
}

/** A module to compile; beside the JavaScript file lies its source map. */
interface ProgramModule {
  specifier: string;
  code: string;
  file: string;
}

function separate(walk: Walk): ProgramModule[] {
  return [...walk.sources].map(([specifier, code]) => ({
    specifier,
    code,
    file: walk.output.outputOf(walk.files.get(specifier) ?? specifier),
  }));
}

async function linked(walk: Walk, main: string): Promise<ProgramModule[]> {
  const sources = new Map(
    separate(walk).map(({ specifier, code, file }) => [specifier, { code, file }]),
  );
  const folder = join(walk.cacheDir, "linked");
  const isExternal = (name: string) => engineBootOrder.includes(name);
  const modules = await linkModules(main, sources, isExternal, folder);
  mkdirSync(folder, { recursive: true });
  return modules.map(({ specifier, code, map }) => {
    const file = join(folder, `${specifier.replaceAll(/\W/g, "-")}.js`);
    writeFileSync(file, code);
    writeFileSync(`${file}.map`, map);
    return { specifier, code, file };
  });
}

/** Static imports and exports as tsc prints them, and dynamic imports of literals. */
const importPattern =
  /^(\s*(?:import|export)\b[^"'`;]*?\bfrom\s*|\s*import\s*)"([^"\n]+)"|\bimport\("([^"\n]+)"\)/gm;

/** Adds a file and, before it, what it imports; returns its specifier. Cycles are allowed. */
function visit(walk: Walk, file: string): string {
  const specifier = canonicalSpecifier(file, walk.appDir);
  if (walk.open.has(specifier)) return specifier;
  walk.open.add(specifier);
  const source = readFileSync(walk.output.outputOf(file), "utf8");
  const rewritten = source.replace(
    importPattern,
    (text, head?: string, fixed?: string, dynamic?: string) => {
      const target = fixed ?? dynamic ?? "";
      const resolved = resolveImport(walk, file, target, lineOf(source, text));
      return head === undefined ? `import("${resolved}")` : `${head}"${resolved}"`;
    },
  );
  walk.files.set(specifier, file);
  walk.sources.set(specifier, rewritten);
  return specifier;
}

function lineOf(source: string, text: string): number {
  return source.slice(0, source.indexOf(text)).split("\n").length;
}

function resolveImport(walk: Walk, importer: string, target: string, line: number): string {
  if (engineBootOrder.includes(target)) return target;
  const file = target.startsWith(".")
    ? resolve(dirname(importer), target.replace(/\.js$/, ".ts"))
    : packageFile(target);
  if (!file || !existsSync(file))
    throw new SourceError(importer, line, 1, `module "${target}" does not exist on a board`);
  return visit(walk, file);
}
