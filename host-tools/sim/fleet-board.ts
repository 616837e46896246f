// Runs inside a worker thread: one real-time board of the fleet (BoardPool's embedder module).
import type { PooledBoard, WorkerContext } from "../engine/board-worker.ts";
import type { BoardDescription, FromBoard, ToBoard } from "./fleet-messages.ts";
import { writeEntries } from "./provision.ts";
import { RealPlatform } from "./real-platform.ts";
import { MemoryKeyValue, NorFlash } from "./storage.ts";
import { XsBoard } from "./xs-board.ts";

const heapReportMs = 1000;
const flashBytes = 64 * 4096;
/** Makes a board that is off; the fleet switches it on. */
export default function createBoard(context: WorkerContext): PooledBoard {
  const description = context.description as BoardDescription;
  const storage = new MemoryKeyValue();
  const flash = new NorFlash(flashBytes);
  writeEntries(storage, description.storage);
  const send = (message: FromBoard) => context.send(message);
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
    log: (level, text) => send({ kind: "log", level, text }),
    onBoot: (boots) => send({ kind: "boot", boots }),
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
