// Runs the TypeScript compiler's command line (7.x has no JavaScript API) and reads its diagnostics.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join, resolve, sep } from "node:path";
import { UserError } from "../user-error.ts";
import { SourceError } from "./bytecode.ts";
import { packageDir, packageRoot } from "./paths.ts";
import { packagePaths } from "./specifiers.ts";

export interface TypeScriptOutput {
  /** Compiled JavaScript of a source file of the program. */
  outputOf(sourceFile: string): string;
}

const isInstalled = packageRoot.split(sep).includes("node_modules");

/** The deepest folder that holds both. */
function commonFolder(a: string, b: string): string {
  const parts = a.split(sep);
  const other = b.split(sep);
  let same = 0;
  while (same < parts.length && parts[same] === other[same]) same++;
  return parts.slice(0, same).join(sep) || sep;
}

/** Type-checks and compiles an app and what it imports of godwit. @throws SourceError, UserError */
export async function compileTypeScript(
  appDir: string,
  main: string,
  cacheDir: string,
): Promise<TypeScriptOutput> {
  const rootDir = commonFolder(appDir, packageRoot);
  const outDir = join(cacheDir, "js");
  mkdirSync(outDir, { recursive: true });
  const own = join(appDir, "tsconfig.json");
  const config = {
    ...(existsSync(own) ? { extends: own } : {}),
    compilerOptions: {
      ...strictness,
      rootDir,
      outDir,
      paths: packagePaths(),
      tsBuildInfoFile: join(cacheDir, "tsconfig.tsbuildinfo"),
    },
    files: [main, join(packageRoot, "firmware", "platform", "sdk.d.ts")],
    include: [],
    references: [],
  };
  const configFile = join(cacheDir, "tsconfig.json");
  writeFileSync(configFile, JSON.stringify(config, undefined, 2));
  const { code, output } = await runTsc(["-p", configFile, "--pretty", "false"], appDir);
  if (code !== 0) throw diagnostics(output, appDir);
  const emitted = (file: string) => file.replace(/\.ts$/, ".js");
  return {
    outputOf(file) {
      const path = resolve(file);
      // tsc emits nothing of what lies in node_modules; an installed package carries its own output.
      if (isInstalled && path.startsWith(packageRoot + sep))
        return join(packageRoot, "build", emitted(path.slice(packageRoot.length)));
      return join(outDir, emitted(path.slice(rootDir.length)));
    },
  };
}

/** What device code must be compiled with, whatever the app's own tsconfig says. */
const strictness = {
  target: "ES2022",
  lib: ["ES2022"],
  module: "ESNext",
  moduleResolution: "bundler",
  types: [],
  strict: true,
  // Assigned in the constructor: a defined field costs XS a hidden function per class, 13 slots.
  useDefineForClassFields: false,
  verbatimModuleSyntax: true,
  erasableSyntaxOnly: true,
  allowImportingTsExtensions: true,
  rewriteRelativeImportExtensions: true,
  customConditions: ["xs"],
  skipLibCheck: true,
  sourceMap: true,
  inlineSources: false,
  declaration: false,
  composite: false,
  incremental: true,
  noEmit: false,
  noEmitOnError: true,
};

function runTsc(args: string[], cwd: string): Promise<{ code: number; output: string }> {
  const script = join(packageDir("typescript"), "bin", "tsc");
  return new Promise((resolvePromise, reject) => {
    const child = spawn(process.execPath, [script, ...args], { cwd });
    let output = "";
    child.stdout.on("data", (data) => (output += data));
    child.stderr.on("data", (data) => (output += data));
    child.on("error", reject);
    child.on("close", (code) => resolvePromise({ code: code ?? 1, output }));
  });
}

/** The first diagnostic decides the place; all of them are in the message. */
function diagnostics(output: string, cwd: string): UserError {
  const lines = output.split("\n").filter((line) => /\berror TS\d+:/.test(line));
  const match = /^(.+?)\((\d+),(\d+)\): error (TS\d+: .*)$/.exec(lines[0] ?? "");
  if (!match) return new UserError(`TypeScript failed: ${output.trim()}`, { code: "typescript" });
  const [, file = "", line = "1", column = "1", what = ""] = match;
  const others = lines.length > 1 ? ` (and ${lines.length - 1} more)` : "";
  return new SourceError(resolve(cwd, file), Number(line), Number(column), what + others);
}
