// One simulated board: an instance of the XS engine with its own heap, fed by an embedder's clock, timers and I/O.
import { abortMessages, abortReasons, parseFailure } from "./board-failure.ts";
import type {
  BoardHost,
  BoardLogLevel,
  BoardStatus,
  Failure,
  HeapSize,
  HeapUse,
  Position,
} from "./board-types.ts";
import type { Engine } from "./build.ts";
import { engineBootOrder, engineModules } from "./engine-modules.ts";
import { difference, type HeapFigures, readFigures, slotBytes, toUse } from "./heap-figures.ts";
import { type BoardExports, boardModule, instantiateBoard } from "./wasm-board.ts";

export interface BoardOptions {
  heap?: HeapSize;
  /** Bytecode by specifier, beside the engine's own modules. */
  modules: ReadonlyMap<string, Uint8Array>;
  host: BoardHost;
  /** Codes one turn of the event loop may take before the board counts as runaway. Default 100 million. */
  turnCodesMax?: number;
  /** `end` (default): an uncaught exception ends the board, as it resets a chip. `report`: it is only logged. */
  onException?: "end" | "report";
  /** Maps a position in compiled code to the author's source. */
  mapPosition?: (position: Position) => Position;
}

/** A board at one moment: continue it any number of times. Valid for the same engine build only. */
export interface Snapshot {
  engineHash: string;
  memory: Uint8Array;
  stackPointer: number;
  options: BoardOptions;
  loaded: HeapFigures;
  hostState: unknown;
}

/** Heap of the examples' boards: 64 KB beside the engine. */
export const defaultHeap: HeapSize = {
  chunkBytes: 32_768,
  slots: 2048,
  stackSlots: 512,
  keys: 1000,
  systemBytes: 65_536,
};

const defaultTurnCodesMax = 100_000_000;
const levels: readonly BoardLogLevel[] = ["error", "warn", "info", "debug"];
const baselines = new WeakMap<Engine, HeapFigures>();

/** Heap of a board that has loaded the engine's own modules and nothing else; measured once per engine. */
export function heapBaseline(engine: Engine): HeapFigures {
  let baseline = baselines.get(engine);
  if (!baseline) {
    baseline = measureBaseline(engine);
    baselines.set(engine, baseline);
  }
  return baseline;
}

export class Board {
  readonly engine: Engine;
  readonly options: BoardOptions;
  #exports: BoardExports;
  #failure: Failure | undefined;
  #hostError: unknown;
  #loaded: HeapFigures;

  private constructor(engine: Engine, options: BoardOptions) {
    this.engine = engine;
    this.options = options;
    this.#exports = this.#instantiate();
    this.#loaded = heapBaseline(engine);
  }

  /** Makes a board and loads the engine's own modules. It runs nothing of the author's yet. */
  static create(engine: Engine, options: BoardOptions): Board {
    const board = new Board(engine, options);
    createMachine(board.#exports, options.heap ?? defaultHeap, heapBaseline(engine));
    board.#exports.board_set_limit(options.turnCodesMax ?? defaultTurnCodesMax);
    board.#exports.board_report_only(options.onException === "report" ? 1 : 0);
    boot(board.#exports);
    board.#exports.board_reset_peaks();
    board.#check();
    return board;
  }

  /** A new board that continues where the snapshot was taken. @throws Error for another engine's snapshot. */
  static restore(engine: Engine, snapshot: Snapshot, host?: BoardHost): Board {
    const board = new Board(engine, host ? { ...snapshot.options, host } : snapshot.options);
    board.restore(snapshot);
    return board;
  }

  /** Imports modules before the app, as a preloaded image has them; `heap().loaded` is what they took. */
  load(specifiers: Iterable<string>): BoardStatus {
    for (const specifier of specifiers) this.#import(specifier);
    this.collectGarbage();
    this.#loaded = this.#figures();
    this.#exports.board_reset_peaks();
    return this.status;
  }

  /** Imports the app's main module and runs its jobs. */
  start(specifier: string): BoardStatus {
    this.#import(specifier);
    return this.status;
  }

  /** Runs a timer's callback and the jobs it queued. */
  fireTimer(id: number): BoardStatus {
    if (!this.#failure) this.#exports.board_timer(id);
    return this.#check();
  }

  /** Hands an event to the board's modules (board-ops.ts) and runs the jobs it queued. */
  deliver(operation: number, bytes: Uint8Array): BoardStatus {
    if (this.#failure) return this.status;
    const block = this.#exports.board_alloc(Math.max(1, bytes.length));
    new Uint8Array(this.#exports.memory.buffer).set(bytes, block);
    this.#exports.board_deliver(operation, block, bytes.length);
    this.#exports.board_free(block);
    return this.#check();
  }

  collectGarbage(): void {
    if (!this.#failure) this.#exports.board_gc();
    this.#check();
  }

  /** Codes (bytecodes and weighted natives) since creation: deterministic, comparable between equal builds. */
  get meter(): number {
    return this.#exports.board_meter();
  }

  get status(): BoardStatus {
    return this.#failure ? { state: "aborted", ...this.#failure } : { state: "running" };
  }

  /** Codes one turn may take from now on; 0 for no limit. */
  setTurnCodesMax(codes: number): void {
    this.#exports.board_set_limit(codes);
  }

  /** The heap beside the engine's baseline, right now (garbage included until the next collection). */
  stats(): HeapUse {
    return toUse(difference(this.#figures(), heapBaseline(this.engine)));
  }

  /** Engine baseline (absolute), what loading took, and what running takes on top of it. */
  heap(): { baseline: HeapUse; loaded: HeapUse; running: HeapUse } {
    const baseline = heapBaseline(this.engine);
    return {
      baseline: toUse(baseline),
      loaded: toUse(difference(this.#loaded, baseline)),
      running: toUse(difference(this.#figures(), this.#loaded)),
    };
  }

  /** Copies the board. Call it between entries only (no callback of this board on the stack). */
  snapshot(): Snapshot {
    return {
      engineHash: this.engine.hash,
      memory: new Uint8Array(this.#exports.memory.buffer).slice(),
      stackPointer: this.#exports.__stack_pointer.value,
      options: this.options,
      loaded: this.#loaded,
      hostState: this.options.host.saveState?.(),
    };
  }

  /** Puts this board back to a snapshot. @throws Error for another engine's snapshot. */
  restore(snapshot: Snapshot): void {
    if (snapshot.engineHash !== this.engine.hash)
      throw new Error("the snapshot was taken with another engine build");
    const missing = snapshot.memory.length - this.#exports.memory.buffer.byteLength;
    if (missing < 0) {
      this.#exports = this.#instantiate();
      this.restore(snapshot);
      return;
    }
    if (missing > 0) this.#exports.memory.grow(missing / 65_536);
    new Uint8Array(this.#exports.memory.buffer).set(snapshot.memory);
    this.#exports.__stack_pointer.value = snapshot.stackPointer;
    this.#loaded = snapshot.loaded;
    this.#failure = undefined;
    this.options.host.loadState?.(snapshot.hostState);
    this.#check();
  }

  /** A second board that continues from here, with the same or another host. */
  fork(host?: BoardHost): Board {
    return Board.restore(this.engine, this.snapshot(), host);
  }

  /** Ends the board; every later call is ignored. */
  destroy(): void {
    if (!this.#failure) this.#fail({ reason: "destroyed", message: "destroyed", stack: [] });
  }

  #import(specifier: string): void {
    if (!this.#failure) importModule(this.#exports, specifier);
    this.#check();
  }

  #figures(): HeapFigures {
    return readFigures(this.#exports);
  }

  #fail(failure: Failure): void {
    this.#failure = failure;
  }

  #check(): BoardStatus {
    if (this.#failure) return this.status;
    if (this.#hostError !== undefined) {
      const message = `the board's host failed: ${String(this.#hostError)}`;
      this.#fail({ reason: "host", message, stack: [] });
      return this.status;
    }
    const code = this.#exports.board_status();
    if (code === 0) return this.status;
    const reason = abortReasons[code - 100] ?? "destroyed";
    const { message, stack } = parseFailure(readText(this.#exports, this.#exports.board_failure()));
    const map = this.options.mapPosition;
    this.#fail({
      reason,
      message: message || abortMessages[reason],
      stack: map ? stack.map(map) : stack,
    });
    return this.status;
  }

  #instantiate(): BoardExports {
    const { host, modules } = this.options;
    const own = engineModules(this.engine);
    const guard = <T>(action: () => T, otherwise: T): T => {
      try {
        return action();
      } catch (error) {
        this.#hostError ??= error;
        return otherwise;
      }
    };
    return instantiateBoard(boardModule(this.engine), {
      now: () => guard(() => host.now(), 0),
      random: () => guard(() => host.random(), 0),
      log: (level, text) => guard(() => host.log(levels[level] ?? "info", text), undefined),
      timer: (id, delayMs, repeatMs) =>
        guard(
          () => (repeatMs < 0 ? host.stopTimer(id) : host.startTimer(id, delayMs, repeatMs)),
          undefined,
        ),
      module: (specifier) => own.get(specifier) ?? modules.get(specifier),
      call: (operation, bytes) => guard(() => host.call(operation, bytes), null),
    });
  }
}

function importModule(exports: BoardExports, specifier: string): void {
  const name = new TextEncoder().encode(`${specifier}\0`);
  const block = exports.board_alloc(name.length);
  new Uint8Array(exports.memory.buffer).set(name, block);
  exports.board_import(block);
  exports.board_free(block);
}

function readText(exports: BoardExports, at: number): string {
  const bytes = new Uint8Array(exports.memory.buffer, at);
  return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
}

function boot(exports: BoardExports): void {
  for (const specifier of engineBootOrder) importModule(exports, specifier);
  exports.board_seal();
  exports.board_gc();
}

function createMachine(exports: BoardExports, heap: HeapSize, base: HeapFigures): void {
  const fixed = heap.pools === "fixed";
  const chunks = base.chunkBytes + (fixed ? heap.chunkBytes : 0);
  const slots = base.slots + 2 + (fixed ? heap.slots : 0);
  const poolBytes = base.chunkBytes + heap.chunkBytes + (base.slots + 2 + heap.slots) * slotBytes;
  const blockHeaderBytes = 32;
  const failed = exports.board_create(
    poolBytes + heap.stackSlots * slotBytes + blockHeaderBytes,
    chunks,
    fixed ? 0 : 256,
    slots,
    fixed ? 0 : 16,
    heap.stackSlots,
    base.keys + heap.keys,
    heap.systemBytes ?? defaultHeap.systemBytes ?? 0,
  );
  if (failed) throw new RangeError("the board's memory is too small for the engine itself");
}

function measureBaseline(engine: Engine): HeapFigures {
  const modules = engineModules(engine);
  const exports = instantiateBoard(boardModule(engine), {
    now: () => 0,
    random: () => 0,
    log: () => undefined,
    timer: () => undefined,
    module: (specifier) => modules.get(specifier),
    call: () => undefined,
  });
  exports.board_create(0, 65_536, 4096, 8192, 512, 1024, 2000, 0);
  boot(exports);
  if (exports.board_status() !== 0)
    throw new Error(`engine modules fail: ${readText(exports, exports.board_failure())}`);
  return readFigures(exports);
}
