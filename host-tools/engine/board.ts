// One simulated board: an instance of the XS engine with its own heap, fed by an embedder's clock, timers and I/O.
import { abortMessages, abortReasons, parseFailure } from "./board-failure.ts";
import {
  type BoardImage,
  bootedImage,
  defaultHeap,
  heapBaseline,
  importModule,
  preloadedImage,
  readImage,
  readText,
  writeImage,
} from "./board-image.ts";
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
import { engineModules } from "./engine-modules.ts";
import { difference, type HeapFigures, readFigures, toUse } from "./heap-figures.ts";
import { type BoardExports, boardModule, instantiateBoard } from "./wasm-board.ts";

export interface BoardOptions {
  heap?: HeapSize;
  /** Bytecode by specifier, beside the engine's own modules. */
  modules: ReadonlyMap<string, Uint8Array>;
  host: BoardHost;
  /**
   * Modules that are in flash before power-on, dependencies first (`CompiledApp.preload`). What loading them takes
   * does not count against `heap`, as on boards. Their top level must be pure: it sees no clock and no host.
   */
  preload?: readonly string[];
  /** Wall clock at power-on, Unix ms. Absent: 1970, as on a chip without a battery. */
  wallMs?: number;
  /** Codes one turn of the event loop may take before the board counts as runaway. Default 100 million. */
  turnCodesMax?: number;
  /** `end` (default): an uncaught exception ends the board, as it resets a chip. `report`: it is only logged. */
  onException?: "end" | "report";
  /** Told when a turn begins and ends; lets a watchdog in another thread see the board (board-pool.ts). */
  beacon?: { enter(): void; leave(): void };
  /** Maps a position in compiled code to the author's source. */
  mapPosition?: (position: Position) => Position;
}

/** A board at one moment: continue it any number of times. Valid for the same engine build only. */
export interface Snapshot extends BoardImage {
  engineHash: string;
  options: BoardOptions;
  loaded: HeapFigures;
  hostState: unknown;
}

const defaultTurnCodesMax = 100_000_000;
const levels: readonly BoardLogLevel[] = ["error", "warn", "info", "debug"];
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

  /** Makes a board with the engine's own modules loaded. It runs nothing of the author's yet. */
  static create(engine: Engine, options: BoardOptions): Board {
    const board = new Board(engine, options);
    const heap = options.heap ?? defaultHeap;
    const preload = options.preload ?? [];
    const ready =
      preload.length > 0 ? preloadedImage(engine, heap, options.modules, preload) : undefined;
    writeImage(board.#exports, ready?.image ?? bootedImage(engine, heap));
    if (ready) board.#loaded = ready.loaded;
    board.#exports.board_set_limit(options.turnCodesMax ?? defaultTurnCodesMax);
    if (options.wallMs !== undefined) board.#exports.board_set_clock(options.wallMs);
    board.#exports.board_report_only(options.onException === "report" ? 1 : 0);
    board.#check();
    if (!ready) board.load(preload);
    return board;
  }

  /** A new board that continues where the snapshot was taken. @throws Error for another engine's snapshot. */
  static restore(engine: Engine, snapshot: Snapshot, host?: BoardHost): Board {
    const board = new Board(engine, host ? { ...snapshot.options, host } : snapshot.options);
    board.restore(snapshot);
    return board;
  }

  /** Imports modules into the board's own heap, before the app; `heap().loaded` is what they took. */
  load(specifiers: readonly string[]): BoardStatus {
    if (specifiers.length === 0) return this.status;
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
    return this.#turn(() => this.#exports.board_timer(id));
  }

  /** Hands an event to the board's modules (board-ops.ts) and runs the jobs it queued. */
  deliver(operation: number, bytes: Uint8Array): BoardStatus {
    return this.#turn(() => {
      const block = this.#exports.board_alloc(Math.max(1, bytes.length));
      new Uint8Array(this.#exports.memory.buffer).set(bytes, block);
      this.#exports.board_deliver(operation, block, bytes.length);
      this.#exports.board_free(block);
    });
  }

  /** Sets the wall clock behind the program's back, as a battery-backed clock that goes wrong does. Unix ms. */
  setClock(unixMs: number): void {
    if (!this.#failure) this.#exports.board_set_clock(unixMs);
  }

  collectGarbage(): void {
    this.#turn(() => this.#exports.board_gc());
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
      ...readImage(this.#exports),
      options: this.options,
      loaded: this.#loaded,
      hostState: this.options.host.saveState?.(),
    };
  }

  /** Puts this board back to a snapshot. @throws Error for another engine's snapshot. */
  restore(snapshot: Snapshot): void {
    if (snapshot.engineHash !== this.engine.hash)
      throw new Error("the snapshot was taken with another engine build");
    // Memory cannot shrink, and the engine's allocator asks for its size: too large is not the same board.
    if (this.#exports.memory.buffer.byteLength > snapshot.memory.length)
      this.#exports = this.#instantiate();
    writeImage(this.#exports, snapshot);
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
    this.#turn(() => importModule(this.#exports, specifier));
  }

  #turn(entry: () => void): BoardStatus {
    if (this.#failure) return this.status;
    this.options.beacon?.enter();
    try {
      entry();
    } catch (error) {
      // A trap inside the engine, or this process's own stack: the instance is lost, the process is not.
      const reason = error instanceof RangeError ? "stack" : "trap";
      this.#fail({ reason, message: `${abortMessages[reason]} (${String(error)})`, stack: [] });
    } finally {
      this.options.beacon?.leave();
    }
    return this.#check();
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
