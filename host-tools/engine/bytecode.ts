// JavaScript modules to XS bytecode (.xsb) through the compiler module, cached by content.
import { createHash } from "node:crypto";
import { join } from "node:path";
import { UserError } from "../user-error.ts";
import type { Engine } from "./build.ts";
import { readCacheFile, writeCacheFile } from "./cache-file.ts";

export interface ModuleSource {
  /** The specifier other modules import it by, without extension. */
  specifier: string;
  /** JavaScript, ES2022 module. */
  source: string;
  /** File name for error messages; the specifier when absent. */
  file?: string;
}

/** A mistake in a source file: where (1-based) and what. */
export class SourceError extends UserError {
  readonly file: string;
  readonly line: number;
  readonly column: number;

  constructor(file: string, line: number, column: number, what: string) {
    super(`${file}:${line}:${column}: ${what}`, { code: "source" });
    this.file = file;
    this.line = line;
    this.column = column;
  }
}

interface CompilerExports {
  memory: WebAssembly.Memory;
  _initialize(): void;
  compiler_alloc(bytes: number): number;
  compiler_free(block: number): void;
  compile(source: number, bytes: number, path: number): number;
  compile_message(): number;
}

const instances = new WeakMap<Engine, CompilerExports>();

function instantiate(engine: Engine): CompilerExports {
  const known = instances.get(engine);
  if (known) return known;
  const module = new WebAssembly.Module(engine.compilerWasm as BufferSource);
  const imports: Record<string, Record<string, () => number>> = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    imports[from] ??= {};
    imports[from][name] = () => 52;
  }
  const instance = new WebAssembly.Instance(module, imports);
  const exports = instance.exports as unknown as CompilerExports;
  exports._initialize();
  instances.set(engine, exports);
  return exports;
}

/** Compiles one module. @throws SourceError with file, line and column of the first mistake. */
export function compileModule(engine: Engine, module: ModuleSource): Uint8Array {
  const key = createHash("sha256").update(engine.hash).update("\0").update(module.source);
  const path = join(engine.cacheDir, "bytecode", key.digest("hex"));
  const cached = readCacheFile(path);
  if (cached) return cached;
  let bytes: Uint8Array;
  try {
    bytes = compileNow(instantiate(engine), module);
  } catch (cause) {
    if (cause instanceof SourceError) throw cause;
    // A trap, or this process's own stack overflow, leaves the compiler's memory in an unknown state: the next module gets a fresh one.
    instances.delete(engine);
    throw new SourceError(
      module.file ?? module.specifier,
      1,
      1,
      "too much for the compiler: nested too deeply?",
    );
  }
  writeCacheFile(path, bytes);
  return bytes;
}

/** Compiles modules to bytecode by specifier. @throws SourceError */
export function compileModules(
  engine: Engine,
  modules: readonly ModuleSource[],
): Map<string, Uint8Array> {
  return new Map(modules.map((module) => [module.specifier, compileModule(engine, module)]));
}

function compileNow(exports: CompilerExports, module: ModuleSource): Uint8Array {
  const encoder = new TextEncoder();
  const source = encoder.encode(module.source);
  const name = encoder.encode(`${module.specifier}\0`);
  const sourceAt = exports.compiler_alloc(source.length + 1);
  const nameAt = exports.compiler_alloc(name.length);
  try {
    const memory = new Uint8Array(exports.memory.buffer);
    memory.set(source, sourceAt);
    memory.set(name, nameAt);
    const resultAt = exports.compile(sourceAt, source.length, nameAt);
    const [at = 0, size = 0, line = 0, offset = 0] = new Int32Array(
      exports.memory.buffer,
      resultAt,
      4,
    );
    if (at === 0) throw sourceError(exports, module, source, line, offset);
    const bytes = new Uint8Array(exports.memory.buffer, at, size).slice();
    exports.compiler_free(at);
    return bytes;
  } finally {
    exports.compiler_free(sourceAt);
    exports.compiler_free(nameAt);
  }
}

/** XS knows the line; the column is where its reader stood, which is at or just behind the mistake. */
function sourceError(
  exports: CompilerExports,
  module: ModuleSource,
  source: Uint8Array,
  line: number,
  offset: number,
): SourceError {
  const memory = new Uint8Array(exports.memory.buffer, exports.compile_message());
  const message = new TextDecoder().decode(memory.subarray(0, memory.indexOf(0))) || "syntax error";
  const read = new TextDecoder().decode(source.subarray(0, Math.max(0, offset - 1)));
  const lines = read.split("\n");
  const text = module.source.split("\n")[line - 1] ?? "";
  const column =
    lines.length === line ? (lines.at(-1) ?? "").trimEnd().length : text.trimEnd().length;
  return new SourceError(module.file ?? module.specifier, line, Math.max(1, column), message);
}
