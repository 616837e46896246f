// Runs inside a worker thread: one real-time board of the fleet (BoardPool's embedder module).
import type { Log } from "../../firmware/ports/log.ts";
import type { PooledBoard, WorkerContext } from "../engine/board-worker.ts";
import type { BoardDescription, FromBoard, ToBoard } from "./fleet-messages.ts";
import { writeEntries } from "./provision.ts";
import { RealPlatform } from "./real-platform.ts";
import { MemoryKeyValue, NorFlash } from "./storage.ts";
import { XsBoard } from "./xs-board.ts";

const heapReportMs = 1000;
/** A board that logs in a loop must not bury the process that reads it. */
const logLinesPerSecondMax = 200;

/** Makes a board that is off; the fleet switches it on. */
export default function createBoard(context: WorkerContext): PooledBoard {
  const description = context.description as BoardDescription;
  const storage = new MemoryKeyValue();
  const flash = new NorFlash(description.flash.byteLength, new Uint8Array(description.flash));
  const send = (message: FromBoard) => context.send(message);
  writeEntries(storage, description.storage);
  storage.onChange = (key, value) => send({ kind: "stored", key, value });
  let isCut = false;
  const board = new XsBoard({
    engine: context.engine,
    app: description.app,
    beacon: context.beacon,
    ...(description.heap && { heap: description.heap }),
    createWorld: () => {
      const world = new RealPlatform({ roots: description.roots, storage, flash });
      world.setCut(isCut);
      return world;
    },
    log: boundedLog((level, text) => send({ kind: "log", level, text })),
    onBoot: () => send({ kind: "boot" }),
    onEnd: ({ state: _, ...failure }) => send({ kind: "ended", failure }),
  });
  const reporting = setInterval(() => reportHeap(board, send), heapReportMs);
  return {
    receive(message) {
      const order = message as ToBoard;
      if (order.kind === "power") {
        if (order.isOn) board.powerOn();
        else board.powerOff();
      } else {
        isCut = order.isCut;
        if (board.world instanceof RealPlatform) board.world.setCut(isCut);
      }
    },
    stop() {
      clearInterval(reporting);
      board.powerOff();
    },
  };
}

/** Lets so many lines through in a second; the rest is counted and told. */
export function boundedLog(log: Log, nowMs: () => number = () => performance.now()): Log {
  let sinceMs = -Infinity;
  let lines = 0;
  return (level, text) => {
    if (nowMs() - sinceMs >= 1000) {
      const dropped = lines - logLinesPerSecondMax;
      if (dropped > 0) log("warn", `${dropped} log lines dropped`);
      sinceMs = nowMs();
      lines = 0;
    }
    if (++lines <= logLinesPerSecondMax) log(level, text);
  };
}

function reportHeap(board: XsBoard, send: (message: FromBoard) => void): void {
  const heap = board.isOn ? board.heap() : undefined;
  if (!heap) return;
  send({
    kind: "heap",
    loadedBytes: heap.loaded.bytes,
    runningBytes: heap.running.bytes,
    meter: board.meter,
  });
}
