// The raw interface of the board module: exports, imports and views over its memory.
import type { Engine } from "./build.ts";

export interface BoardExports {
  memory: WebAssembly.Memory;
  __stack_pointer: WebAssembly.Global;
  _initialize(): void;
  board_alloc(bytes: number): number;
  board_free(block: number): void;
  board_create(
    staticBytes: number,
    chunkBytes: number,
    chunkStep: number,
    slots: number,
    slotStep: number,
    stackSlots: number,
    keys: number,
    systemBytes: number,
  ): number;
  board_seal(): number;
  board_import(name: number): number;
  board_timer(id: number): number;
  board_deliver(operation: number, bytes: number, length: number): number;
  board_gc(): number;
  board_meter(): number;
  board_set_limit(codes: number): void;
  board_set_clock(unixMs: number): void;
  board_report_only(on: number): void;
  board_status(): number;
  board_failure(): number;
  board_reset_peaks(): void;
  board_stats(): number;
  board_destroy(): void;
}

/** What a board's module asks of its embedder, in terms of values. */
export interface BoardImports {
  now(): number;
  random(): number;
  log(level: number, text: string): void;
  timer(id: number, delayMs: number, repeatMs: number): void;
  /** Bytecode by specifier. */
  module(specifier: string): Uint8Array | undefined;
  /** The answer, undefined for none, or null when the embedder failed. */
  call(operation: number, bytes: Uint8Array): Uint8Array | undefined | null;
}

const wasiNotSupported = 52;
const callUndefined = -1;
const callFailed = -2;
const compiled = new WeakMap<Uint8Array, WebAssembly.Module>();

/** The compiled board module of an engine; compiled once per process. */
export function boardModule(engine: Engine): WebAssembly.Module {
  let module = compiled.get(engine.boardWasm);
  if (!module) {
    module = new WebAssembly.Module(engine.boardWasm as BufferSource);
    compiled.set(engine.boardWasm, module);
  }
  return module;
}

/** Takes a module that another thread has compiled. */
export function adoptBoardModule(engine: Engine, module: WebAssembly.Module): void {
  compiled.set(engine.boardWasm, module);
}

/** Makes an instance. Views over its memory are made anew on every use: they detach when it grows. */
export function instantiateBoard(module: WebAssembly.Module, imports: BoardImports): BoardExports {
  const decoder = new TextDecoder();
  let answer: Uint8Array = new Uint8Array();
  let exports: BoardExports | undefined;
  const view = (at: number, length: number) =>
    new Uint8Array((exports as BoardExports).memory.buffer, at, length);
  const text = (at: number, length: number) => decoder.decode(view(at, length));
  const env = {
    now: () => imports.now(),
    random: () => imports.random() | 0,
    log: (level: number, at: number, length: number) => imports.log(level, text(at, length)),
    timer: (id: number, delayMs: number, repeatMs: number) => imports.timer(id, delayMs, repeatMs),
    module_size: (at: number, length: number) => imports.module(text(at, length))?.length ?? -1,
    module_read: (at: number, length: number, target: number) => {
      const bytes = imports.module(text(at, length));
      if (bytes) view(target, bytes.length).set(bytes);
    },
    call: (operation: number, at: number, length: number) => {
      const result = imports.call(operation, view(at, length).slice());
      if (!result) return result === null ? callFailed : callUndefined;
      answer = result;
      return result.length;
    },
    call_result: (target: number) => view(target, answer.length).set(answer),
  };
  const stub = () => wasiNotSupported;
  const wasi = { fd_close: stub, fd_seek: stub, fd_write: stub, fd_fdstat_get: stub };
  const instance = new WebAssembly.Instance(module, { env, wasi_snapshot_preview1: wasi });
  exports = instance.exports as unknown as BoardExports;
  exports._initialize();
  return exports;
}
