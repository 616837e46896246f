// What the engine is built from: sources, flags, link lines. See firmware/engine/README.md for the reasons.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { applyPatches, parsePatches } from "./patch.ts";
import { packageDir, packageRoot, packageVersion } from "./paths.ts";

/** One C file to compile; `key` names its object in the cache. */
export interface Unit {
  name: string;
  source: string;
  /** The whole compile command, without file names. */
  flags: readonly string[];
  key: string;
}

export type ModuleName = "board" | "compiler";

export interface Recipe {
  units: Unit[];
  /** Header files by virtual path. */
  headers: Record<string, string>;
  /** Object names of each module, in link order. */
  objects: Record<ModuleName, string[]>;
  /** Hash of everything that decides the result, the compiler's version included. */
  hash: string;
}

const runtimeSources = (
  "xsAll xsAPI xsArguments xsArray xsAtomics xsBigInt xsBoolean xsCommon xsDataView xsDate xsDebug xsDefaults " +
  "xsError xsFunction xsGenerator xsGlobal xsJSON xsLockdown xsMapSet xsMarshall xsMath xsMemory xsModule xsNumber " +
  "xsObject xsPlatforms xsProfile xsPromise xsProperty xsProxy xsRegExp xsRun xsString xsSymbol xsType xsdtoa xsmc xsre"
).split(" ");
const parserSources = "xsCode xsLexical xsScope xsScript xsSourceMap xsSyntaxical xsTree".split(
  " ",
);

/** Our host of a board. */
const boardSources = ["board", "failure", "heap", "modules", "natives"];

/** Compiling these takes longest: they start first. */
const slowSources = ["xsRun", "xsModule", "xsdtoa", "xsDataView", "xsre", "xsArray"];

const compileFlags = [
  "--target=wasm32-wasip1",
  "-Os",
  "-mllvm",
  "-wasm-enable-sjlj",
  "-mllvm",
  "-wasm-use-legacy-eh=true",
  "-fno-strict-float-cast-overflow",
  "-D_GNU_SOURCE",
  "-DmxMetering=1",
  "-DmxRun=1",
  "-DmxBoundsCheck=1",
  "-DINCLUDE_XSPLATFORM",
  '-DXSPLATFORM="xs-platform.h"',
  "-Iown",
  "-Iincludes",
  "-Iplatforms",
  "-Isources",
  "-w",
  "-Werror=implicit-function-declaration",
];

/** The interpreter loop: `-Oz` is 1.02 (loop) to 1.08 (calls) times as fast as `-Os`, which beats `-O2` and `-O3`. */
const loopFlags = compileFlags.map((flag) => (flag === "-Os" ? "-Oz" : flag));

const linkFlags = [
  "--target=wasm32-wasip1",
  "-mexec-model=reactor",
  "-Os",
  "-Wl,--stack-first",
  "-Wl,-z,stack-size=131072",
  "-Wl,--export=__stack_pointer",
  "-Wl,--strip-all",
  "-Wl,--gc-sections",
];

/** Linear memory a module may grow to: a board is small, the compiler holds a parse tree. */
const maxMemoryBytes: Record<ModuleName, number> = { board: 16 << 20, compiler: 512 << 20 };

/** Arguments of the link command, without objects. */
export function linkArguments(module: ModuleName, objects: readonly string[]): string[] {
  const memory = `-Wl,--max-memory=${maxMemoryBytes[module]}`;
  return [...linkFlags, memory, ...objects, "-lsetjmp", "-o", "out.wasm"];
}

export function sha256(...parts: (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  return hash.digest("hex");
}

function readHeaders(xs: string, own: string): Record<string, string> {
  const headers: Record<string, string> = {};
  const add = (virtual: string, folder: string) => {
    for (const name of readdirSync(folder).sort())
      if (name.endsWith(".h")) headers[`${virtual}/${name}`] = readText(join(folder, name));
  };
  add("own", own);
  for (const folder of ["includes", "platforms", "sources"]) add(folder, join(xs, folder));
  return headers;
}

/** Anchors need LF whatever a checkout or an unpacker made of the files. */
function readText(path: string): string {
  return readFileSync(path, "utf8").replaceAll("\r\n", "\n");
}

/** Reads, patches and hashes every source. About 30 ms. */
export function readRecipe(): Recipe {
  const xs = join(packageDir("@agoric/xsnap"), "moddable", "xs");
  const own = join(packageRoot, "firmware", "engine");
  const headers = readHeaders(xs, own);
  const changes = parsePatches(readText(join(own, "xs-patches.txt")));
  const base = sha256(packageVersion("@yowasp/clang"), ...Object.entries(headers).flat());
  const unit = (name: string, file: string, source: string): Unit => ({
    name,
    source: applyPatches(file, source, changes),
    flags: name === "xsRun" ? loopFlags : compileFlags,
    key: "",
  });
  const xsNames = [...runtimeSources, ...parserSources];
  xsNames.sort((a, b) => rank(a) - rank(b));
  const units = xsNames.map((name) =>
    unit(name, `${name}.c`, readText(join(xs, "sources", `${name}.c`))),
  );
  for (const name of [...boardSources, "services", "compiler"])
    units.push(unit(name, `${name}.c`, readText(join(own, `${name}.c`))));
  for (const entry of units)
    entry.key = sha256(base, entry.name, entry.flags.join("\n"), entry.source);
  const objects = {
    board: [...runtimeSources, ...boardSources, "services"].sort(),
    compiler: [...runtimeSources, ...parserSources, "services", "compiler"].sort(),
  };
  const links = (Object.keys(objects) as ModuleName[]).map((name) =>
    linkArguments(name, objects[name]).join("\n"),
  );
  return { units, headers, objects, hash: sha256(...units.map((u) => u.key).sort(), ...links) };
}

function rank(name: string): number {
  const index = slowSources.indexOf(name);
  return index < 0 ? slowSources.length : index;
}
