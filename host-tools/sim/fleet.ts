// Boards in real time against a hub: XS engines in worker threads, real TLS, switches for power and network.

import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { LogLevel } from "../../firmware/ports/log.ts";
import type { CompiledApp } from "../engine/app.ts";
import { BoardPool } from "../engine/board-pool.ts";
import type { Failure, HeapSize } from "../engine/board-types.ts";
import type { Engine } from "../engine/build.ts";
import { packageRoot } from "../engine/paths.ts";
import type { BoardDescription, FromBoard, ToBoard } from "./fleet-messages.ts";
import { type BoardView, type FleetView, logMax } from "./fleet-view.ts";
import type { StorageEntries } from "./provision.ts";

export interface FleetOptions {
  engine: Engine;
  app: CompiledApp;
  title: string;
  hubName: string;
  /** PEM of the roots the boards trust. */
  roots: string;
  /** Credentials by board id; the order is the order on screen. */
  boards: ReadonlyMap<string, StorageEntries>;
  /** Other apps than `app`, by board id. */
  apps?: ReadonlyMap<string, CompiledApp>;
  heap?: HeapSize;
  /** Threads for the boards; a thread dies with a board that hangs in it. Default: one per board, at most 4. */
  workers?: number;
  /** A board that stays this long inside one native call is taken for lost. Default 10 s. */
  turnMsMax?: number;
  onEvent?: (event: FleetEvent) => void;
}

/** One thing that happened to a board. */
export type FleetEvent =
  | { event: "boot"; board: string; boots: number }
  | { event: "log"; board: string; level: LogLevel; text: string }
  | { event: "ended"; board: string; reason: string; message: string; at: string };

const workersMax = 4;
const flashBytes = 64 * 4096;

export class Fleet {
  readonly view: FleetView;
  readonly #options: FleetOptions;
  readonly #pool: BoardPool;
  readonly #descriptions: BoardDescription[];
  readonly #startedMs = performance.now();
  /** Boards whose thread was taken from under them. */
  readonly #lost = new Set<number>();

  constructor(options: FleetOptions) {
    this.#options = options;
    const ids = [...options.boards.keys()];
    this.view = {
      title: options.title,
      hub: options.hubName,
      elapsedMs: 0,
      boards: ids.map(emptyView),
      log: [],
      twinPatches: 0,
      methods: 0,
      errors: 0,
    };
    this.#pool = new BoardPool({
      engine: options.engine,
      embedder: fleetBoardModule(),
      workers: options.workers ?? Math.min(workersMax, ids.length),
      ...(options.turnMsMax !== undefined && { turnMsMax: options.turnMsMax }),
      onMessage: (board, message) => this.#receive(board, message as FromBoard),
      onLost: (board, failure) => {
        this.#lost.add(board);
        this.#ended(board, failure);
      },
      onRestarted: (board) => this.#resume(board),
    });
    this.#descriptions = ids.map((id) => this.#describe(id));
    this.#descriptions.forEach((description, index) => {
      this.#pool.start(index, description);
    });
  }

  /** Switches every board on. Until then they are off, so that a watcher misses nothing. */
  start(): void {
    for (const { id } of this.view.boards) this.setPower(id, true);
  }

  /** Switches a board's power. Storage and flash survive; everything else is gone. */
  setPower(id: string, isOn: boolean): void {
    this.#power(this.#indexOf(id), isOn);
  }

  /** Cuts a board's network, or gives it back. */
  setNetwork(id: string, isCut: boolean): void {
    const index = this.#indexOf(id);
    this.view.boards[index]!.isCut = isCut;
    this.#post(index, { kind: "network", isCut });
  }

  board(id: string): BoardView | undefined {
    return this.view.boards.find((board) => board.id === id);
  }

  /** Adds a line to the log that people see. */
  log(source: string, level: LogLevel, text: string): void {
    const { view } = this;
    view.elapsedMs = performance.now() - this.#startedMs;
    view.log.push({ atMs: view.elapsedMs, source, level, text });
    if (view.log.length > logMax) view.log.shift();
    if (level === "error") view.errors++;
  }

  /** Refreshes the clock on screen. */
  touch(): void {
    this.view.elapsedMs = performance.now() - this.#startedMs;
  }

  /** Ends the boards. One that hangs inside a turn is given to the watchdog first, so that it is told. */
  async close(): Promise<void> {
    await this.#pool.settle();
    await this.#pool.close();
  }

  #describe(id: string): BoardDescription {
    const { roots, boards, heap } = this.#options;
    const { main, modules, preload } = this.#appOf(id);
    const storage = { ...boards.get(id) };
    const flash = new SharedArrayBuffer(flashBytes);
    new Uint8Array(flash).fill(0xff);
    return { id, app: { main, modules, preload }, roots, storage, flash, ...(heap && { heap }) };
  }

  #appOf(id: string): CompiledApp {
    return this.#options.apps?.get(id) ?? this.#options.app;
  }

  #indexOf(id: string): number {
    const index = this.view.boards.findIndex((board) => board.id === id);
    if (index < 0) throw new RangeError(`no board '${id}'`);
    return index;
  }

  #power(index: number, isOn: boolean): void {
    const view = this.view.boards[index]!;
    if (isOn && this.#lost.delete(index)) {
      this.#pool.start(index, this.#descriptions[index]!);
      this.#post(index, { kind: "network", isCut: view.isCut });
    }
    view.power = isOn ? "on" : "off";
    if (isOn) view.failure = undefined;
    this.#post(index, { kind: "power", isOn });
  }

  /** Its thread was replaced because of a neighbour: the board is as it was, after a power cut. */
  #resume(index: number): void {
    const view = this.view.boards[index]!;
    this.#post(index, { kind: "network", isCut: view.isCut });
    if (view.power === "on") this.#post(index, { kind: "power", isOn: true });
  }

  #post(index: number, message: ToBoard): void {
    this.#pool.post(index, message);
  }

  #receive(index: number, message: FromBoard): void {
    const view = this.view.boards[index]!;
    if (message.kind === "heap") view.heapBytes = message.loadedBytes + message.runningBytes;
    else if (message.kind === "ended") this.#ended(index, message.failure);
    else if (message.kind === "stored") this.#stored(index, message.key, message.value);
    else if (message.kind === "boot") {
      view.boots++;
      this.log(view.id, "info", view.boots === 1 ? "powered on" : `boot ${view.boots}`);
      this.#emit({ event: "boot", board: view.id, boots: view.boots });
    } else {
      this.log(view.id, message.level, message.text.trimEnd());
      this.#emit({
        event: "log",
        board: view.id,
        level: message.level,
        text: message.text.trimEnd(),
      });
    }
  }

  #stored(index: number, key: string, value: Uint8Array | undefined): void {
    const { storage } = this.#descriptions[index]!;
    if (value) storage[key] = value;
    else delete storage[key];
  }

  #ended(index: number, failure: Failure): void {
    const view = this.view.boards[index]!;
    const stack = failure.stack.map(this.#appOf(view.id).mapPosition);
    const where = stack.find((position) => position.file.endsWith(".ts"));
    const at = where ? `${where.file}:${where.line}${where.column ? `:${where.column}` : ""}` : "";
    view.power = "ended";
    view.failure = `${failure.reason}: ${failure.message}${at && ` at ${at}`}`;
    this.log(view.id, "error", `ended, ${view.failure}`);
    const { reason, message } = failure;
    this.#emit({ event: "ended", board: view.id, reason, message, at });
  }

  #emit(event: FleetEvent): void {
    this.#options.onEvent?.(event);
  }
}

function emptyView(id: string): BoardView {
  return {
    id,
    power: "off",
    boots: 0,
    isConnected: false,
    isCut: false,
    messages: 0,
    bytes: 0,
    latest: {},
    history: [],
    desired: undefined,
    reported: undefined,
    heapBytes: 0,
    failure: undefined,
  };
}

/** Worker threads need compiled JavaScript; from source (vitest) the sibling in build/ is used. */
function fleetBoardModule(): URL {
  if (import.meta.url.endsWith(".js")) return new URL("./fleet-board.js", import.meta.url);
  return pathToFileURL(join(packageRoot, "build", "host-tools", "sim", "fleet-board.js"));
}
