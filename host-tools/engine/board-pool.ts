// Boards in worker threads under a watchdog: a loop inside the engine costs its board, never the process.
import { setTimeout as delay } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { abortMessages } from "./board-failure.ts";
import type { Failure } from "./board-types.ts";
import type { FromWorker, ToWorker, WorkerSetup } from "./board-worker.ts";
import type { Engine } from "./build.ts";
import { workerFile } from "./paths.ts";
import { TurnBeacon } from "./turn-beacon.ts";
import { boardModule } from "./wasm-board.ts";

export interface PoolOptions {
  engine: Engine;
  /** Module whose default export is a `CreateBoard` (board-worker.ts); compiled JavaScript. */
  embedder: URL;
  /** Threads; boards are spread over them. */
  workers: number;
  /** A turn that takes longer has met an unmetered loop. Default 10 s. */
  turnMsMax?: number;
  onMessage(board: number, message: unknown): void;
  /** The board is gone: `native-loop`, or `host` when the embedder's module failed. */
  onLost(board: number, failure: Failure): void;
  /**
   * The board shared a thread with a lost one and starts again from its description, as after a power cut.
   * Whoever cannot accept that gives each board a thread of its own.
   */
  onRestarted?(board: number): void;
}

interface Thread {
  worker: Worker;
  beacon: TurnBeacon;
  boards: Map<number, unknown>;
  /** The turn seen at the last look, and since when. */
  turn: number;
  sinceMs: number;
  /** Who waits for it to have told everything. */
  settled: (() => void)[];
}

const defaultTurnMsMax = 10_000;
const looksPerLimit = 8;
/** A thread that hangs outside of any turn, where the watchdog does not see it, is waited for no longer. */
const settleMsMax = 30_000;

export class BoardPool {
  #options: PoolOptions;
  #threads: Thread[] = [];
  #next = 0;
  #watch: NodeJS.Timeout;
  #isClosed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    for (let i = 0; i < options.workers; i++) this.#threads.push(this.#spawn());
    const limitMs = options.turnMsMax ?? defaultTurnMsMax;
    this.#watch = setInterval(() => this.#look(limitMs), Math.max(10, limitMs / looksPerLimit));
    this.#watch.unref();
  }

  /** Starts a board; `description` goes to the embedder's module. Numbers are the caller's and unique. */
  start(board: number, description: unknown): void {
    const thread = this.#threads[this.#next++ % this.#threads.length];
    if (!thread) throw new Error("the pool is closed");
    thread.boards.set(board, description);
    this.#send(thread, { kind: "start", board, description });
  }

  /** Sends a message to a board's `receive`; lost boards get nothing. */
  post(board: number, message: unknown): void {
    const thread = this.#threadOf(board);
    if (thread) this.#send(thread, { kind: "post", board, message });
  }

  stop(board: number): void {
    const thread = this.#threadOf(board);
    if (!thread) return;
    thread.boards.delete(board);
    this.#send(thread, { kind: "stop", board });
  }

  /**
   * Resolves when every thread has told what happened in it until now: what a board said, or what the
   * watchdog says of a board that hangs.
   */
  async settle(): Promise<void> {
    const tellAll = this.#threads.map((thread) => {
      this.#send(thread, { kind: "settle" });
      return new Promise<void>((resolve) => thread.settled.push(resolve));
    });
    await Promise.race([Promise.all(tellAll), delay(settleMsMax, undefined, { ref: false })]);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#watch);
    await Promise.all(this.#threads.splice(0).map((thread) => thread.worker.terminate()));
  }

  #threadOf(board: number): Thread | undefined {
    return this.#threads.find((thread) => thread.boards.has(board));
  }

  #send(thread: Thread, message: ToWorker): void {
    thread.worker.postMessage(message);
  }

  #spawn(): Thread {
    const { engine, embedder } = this.#options;
    const beacon = new TurnBeacon();
    const setup: WorkerSetup = {
      engine,
      module: boardModule(engine),
      beacon: beacon.buffer,
      embedder: embedder.href,
    };
    const worker = new Worker(workerFile("board-worker"), { workerData: setup });
    const thread: Thread = { worker, beacon, boards: new Map(), turn: 0, sinceMs: 0, settled: [] };
    worker.on("message", (message: FromWorker) => this.#receive(thread, message));
    worker.on("error", (error) => this.#crashed(thread, error));
    return thread;
  }

  #receive(thread: Thread, message: FromWorker): void {
    if (message.kind === "settled") this.#settled(thread);
    else if (!thread.boards.has(message.board)) return;
    else if (message.kind === "message") this.#options.onMessage(message.board, message.message);
    else this.#lose(thread, message.board, { reason: "host", message: message.error, stack: [] });
  }

  /** An embedder's module that throws on its own event loop takes its thread along. */
  #crashed(thread: Thread, error: Error): void {
    if (this.#isClosed) return;
    const boards = [...thread.boards.keys()];
    thread.boards.clear();
    this.#replace(thread);
    const failure: Failure = { reason: "host", message: String(error.stack ?? error), stack: [] };
    for (const board of boards) this.#options.onLost(board, failure);
  }

  #look(limitMs: number): void {
    const nowMs = performance.now();
    for (const thread of [...this.#threads]) {
      const running = thread.beacon.running();
      if (!running || running.turn !== thread.turn) {
        thread.turn = running?.turn ?? 0;
        thread.sinceMs = nowMs;
      } else if (nowMs - thread.sinceMs >= limitMs) this.#kill(thread, running.board);
    }
  }

  #kill(thread: Thread, board: number): void {
    thread.boards.delete(board);
    const fresh = this.#replace(thread);
    for (const [other, description] of thread.boards) {
      fresh.boards.set(other, description);
      this.#send(fresh, { kind: "start", board: other, description });
      this.#options.onRestarted?.(other);
    }
    thread.boards.clear();
    const message = abortMessages["native-loop"];
    this.#options.onLost(board, { reason: "native-loop", message, stack: [] });
  }

  #replace(thread: Thread): Thread {
    const fresh = this.#spawn();
    this.#threads[this.#threads.indexOf(thread)] = fresh;
    thread.worker.removeAllListeners();
    thread.worker.on("error", () => undefined);
    void thread.worker.terminate();
    // Whoever loses its board next is told in the same turn of the event loop.
    queueMicrotask(() => this.#settled(thread));
    return fresh;
  }

  #settled(thread: Thread): void {
    for (const resolve of thread.settled.splice(0)) resolve();
  }

  #lose(thread: Thread, board: number, failure: Failure): void {
    thread.boards.delete(board);
    this.#options.onLost(board, failure);
  }
}
