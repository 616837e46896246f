// A board in a virtual world, whichever engine runs its program: XS or plain Node.
import type { Log, LogLevel } from "../../firmware/ports/log.ts";
import type { Platform } from "../../firmware/ports/platform.ts";
import type { CompiledApp } from "../engine/app.ts";
import { describeFailure } from "../engine/board-failure.ts";
import type { HeapSize } from "../engine/board-types.ts";
import type { Engine } from "../engine/build.ts";
import { NodePlatform, type Persistent } from "./node-platform.ts";
import { type StorageEntries, writeEntries } from "./provision.ts";
import { MemoryKeyValue, NorFlash } from "./storage.ts";
import type { World } from "./world.ts";
import { XsBoard } from "./xs-board.ts";

export interface VirtualBoard {
  readonly id: string;
  readonly isOn: boolean;
  readonly boots: number;
  /** Why the board stopped by itself; undefined while all is well. */
  readonly failure: string | undefined;
  powerOn(): void;
  powerOff(): void;
  /** Moves the board's wall clock, Unix ms. */
  setClock(unixMs: number): void;
  /** Collects garbage, then measures what running takes; undefined where that cannot be known. */
  heapBytes(): number | undefined;
}

export interface BoardSetting {
  world: World;
  id: string;
  storage: StorageEntries;
  log: Log;
}

/** Makes the boards of a run: the only place that knows which engine they have. */
export type BoardMaker = (setting: BoardSetting) => VirtualBoard;

const flashBytes = 64 * 4096;

function persistentWith(entries: StorageEntries): Persistent {
  const storage = new MemoryKeyValue();
  writeEntries(storage, entries);
  return { storage, flash: new NorFlash(flashBytes) };
}

/**
 * Pools as large as they get from the start: growing ones are collected at every few allocations, which is what a
 * chip does, but costs most of the time of a long run.
 */
export const roomyHeap: HeapSize = {
  chunkBytes: 65_536,
  slots: 16_384,
  stackSlots: 1024,
  keys: 2000,
  pools: "fixed",
};

/** Boards that run a compiled app on the XS engine. */
export function xsBoards(engine: Engine, app: CompiledApp, heap = roomyHeap): BoardMaker {
  return ({ world, id, storage, log }) => {
    const persistent = persistentWith(storage);
    const life = { failure: undefined as string | undefined };
    const board = new XsBoard({
      engine,
      app,
      heap,
      createWorld: () => new NodePlatform(world, { name: id, persistent }),
      log,
      onEnd: (status) => {
        life.failure = `${status.reason}: ${describeFailure(status)}`;
      },
    });
    return {
      id,
      get isOn() {
        return board.isOn;
      },
      get boots() {
        return board.boots;
      },
      get failure() {
        return life.failure;
      },
      powerOn: () => board.powerOn(),
      powerOff: () => board.powerOff(),
      setClock: (unixMs) => board.setClock(unixMs),
      heapBytes: () => {
        board.board?.collectGarbage();
        return board.heap()?.running.bytes;
      },
    };
  };
}

/** Boards that run an app's own source in Node; `start` is what the app's main module calls. */
export function nodeBoards(start: (platform: Platform) => unknown): BoardMaker {
  return ({ world, id, storage, log }) =>
    new NodeBoard(world, id, persistentWith(storage), log, start);
}

class NodeBoard implements VirtualBoard {
  readonly id: string;
  boots = 0;
  failure: string | undefined;
  readonly #world: World;
  readonly #persistent: Persistent;
  readonly #log: Log;
  readonly #start: (platform: Platform) => unknown;
  #platform: NodePlatform | undefined;

  constructor(
    world: World,
    id: string,
    persistent: Persistent,
    log: Log,
    start: (platform: Platform) => unknown,
  ) {
    this.id = id;
    this.#world = world;
    this.#persistent = persistent;
    this.#log = log;
    this.#start = start;
  }

  get isOn(): boolean {
    return this.#platform !== undefined;
  }

  powerOn(): void {
    if (this.isOn) return;
    this.boots++;
    const platform = new NodePlatform(this.#world, {
      name: this.id,
      persistent: this.#persistent,
      onLog: (level: LogLevel, text) => this.#log(level, text),
      onRestart: () => {
        this.powerOff();
        this.powerOn();
      },
    });
    this.#platform = platform;
    try {
      this.#start(platform);
    } catch (error) {
      this.failure = `exception: ${String(error)}`;
      this.powerOff();
    }
  }

  powerOff(): void {
    this.#platform?.powerOff();
    this.#platform = undefined;
  }

  setClock(unixMs: number): void {
    this.#platform?.clock.setWallMs(unixMs);
  }

  heapBytes(): undefined {
    return undefined;
  }
}
