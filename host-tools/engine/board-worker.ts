// Worker thread of a BoardPool: makes boards with a module of the embedder's and passes their messages.
import { parentPort, workerData } from "node:worker_threads";
import type { Engine } from "./build.ts";
import { TurnBeacon } from "./turn-beacon.ts";
import { adoptBoardModule } from "./wasm-board.ts";

/** What a pool hands to `createBoard` for one board. */
export interface WorkerContext {
  engine: Engine;
  /** Number of the board in the pool. */
  board: number;
  /** What the embedder gave to `BoardPool.start`. */
  description: unknown;
  /** Give it to `Board.create` as `beacon`: this is how the watchdog sees the board. */
  beacon: { enter(): void; leave(): void };
  /** To the pool's `onMessage`. */
  send(message: unknown): void;
}

/** A board as its pool sees it. */
export interface PooledBoard {
  receive?(message: unknown): void;
  stop(): void;
}

/** The default export of an embedder's worker module. */
export type CreateBoard = (context: WorkerContext) => PooledBoard | Promise<PooledBoard>;

export interface WorkerSetup {
  engine: Engine;
  module: WebAssembly.Module;
  beacon: SharedArrayBuffer;
  embedder: string;
}

export type ToWorker =
  | { kind: "start"; board: number; description: unknown }
  | { kind: "post"; board: number; message: unknown }
  | { kind: "stop"; board: number }
  /** Answer when everything that came before is done. */
  | { kind: "settle" };

export type FromWorker =
  | { kind: "message"; board: number; message: unknown }
  | { kind: "failed"; board: number; error: string }
  | { kind: "settled" };

const setup = workerData as WorkerSetup;
const beacon = new TurnBeacon(setup.beacon);
adoptBoardModule(setup.engine, setup.module);
const boards = new Map<number, Promise<PooledBoard>>();

function send(message: FromWorker): void {
  parentPort?.postMessage(message);
}

async function start(board: number, description: unknown): Promise<PooledBoard> {
  const { default: create } = (await import(setup.embedder)) as { default: CreateBoard };
  return create({
    engine: setup.engine,
    board,
    description,
    beacon: { enter: () => beacon.enter(board), leave: () => beacon.leave() },
    send: (message) => send({ kind: "message", board, message }),
  });
}

async function handle(message: Exclude<ToWorker, { kind: "settle" }>): Promise<void> {
  if (message.kind === "start")
    boards.set(message.board, start(message.board, message.description));
  const board = await boards.get(message.board);
  if (message.kind === "post") board?.receive?.(message.message);
  if (message.kind !== "stop") return;
  boards.delete(message.board);
  board?.stop();
}

/** The pool counts the board as lost: it must not live on unseen beside its successor. */
async function abandon(number: number): Promise<void> {
  const board = boards.get(number);
  boards.delete(number);
  (await board)?.stop();
}

parentPort?.on("message", (message: ToWorker) => {
  if (message.kind === "settle") {
    void Promise.allSettled(boards.values()).then(() => send({ kind: "settled" }));
    return;
  }
  handle(message).catch((error) => {
    send({ kind: "failed", board: message.board, error: String(error?.stack ?? error) });
    abandon(message.board).catch(() => undefined);
  });
});
