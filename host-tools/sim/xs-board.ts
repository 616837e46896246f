// A simulated board that runs an app on the XS engine: power, restarts, and what survives them.

import type { Log, LogLevel } from "../../firmware/ports/log.ts";
import type { Platform } from "../../firmware/ports/platform.ts";
import type { CompiledApp } from "../engine/app.ts";
import { Board } from "../engine/board.ts";
import type { BoardStatus, HeapSize, HeapUse } from "../engine/board-types.ts";
import type { Engine } from "../engine/build.ts";
import { PortHost } from "../engine/port-host.ts";

/** One life of the board's world: made at power-on, thrown away at power-off. */
export interface BoardWorld extends Platform {
  powerOff(): void;
}

export interface XsBoardOptions {
  engine: Engine;
  /** Without `mapPosition`, failures name positions in compiled code. */
  app: Pick<CompiledApp, "main" | "modules" | "preload"> & Partial<CompiledApp>;
  heap?: HeapSize;
  /** Makes the ports for the next life. Storage and flash must be the same objects every time. */
  createWorld(): BoardWorld;
  log: Log;
  /** The board stopped by itself and stays off: out of memory, exception, runaway… */
  onEnd?(status: BoardStatus & { state: "aborted" }): void;
  onBoot?(boots: number): void;
  beacon?: { enter(): void; leave(): void };
  turnCodesMax?: number;
}

const restartMs = 300;

export class XsBoard {
  readonly options: XsBoardOptions;
  boots = 0;
  world: BoardWorld | undefined;
  #board: Board | undefined;
  #host: PortHost | undefined;
  #meterBefore = 0;
  #isRestarting = false;

  constructor(options: XsBoardOptions) {
    this.options = options;
  }

  get isOn(): boolean {
    return this.#host !== undefined || this.#isRestarting;
  }

  /** The engine's board of this life, for statistics; undefined before the first power-on. */
  get board(): Board | undefined {
    return this.#board;
  }

  /** Engine meter units over all lives. */
  get meter(): number {
    return this.#meterBefore + (this.#board?.meter ?? 0);
  }

  /** Heap beside the engine's own: what loading took, what running takes. */
  heap(): { baseline: HeapUse; loaded: HeapUse; running: HeapUse } | undefined {
    return this.#board?.heap();
  }

  /** Sets the wall clock from outside, forwards or backwards, Unix ms. */
  setClock(unixMs: number): void {
    if (!this.isOn) return;
    this.world?.clock.setWallMs(unixMs);
    this.#board?.setClock(unixMs);
  }

  powerOn(): void {
    if (this.isOn) return;
    this.#boot(this.options.createWorld());
  }

  #boot(world: BoardWorld): void {
    this.#meterBefore = this.meter;
    const { options } = this;
    const host = new PortHost({
      clock: world.clock,
      timers: world.timers,
      network: world.network,
      random: world.random,
      log: (level, text) => relog(options.log, level, text),
      storage: () => world.storage,
      flash: () => world.flash,
      onEnd: (status) => this.#ended(status),
    });
    const wallMs = world.clock.wallMs();
    const board = Board.create(options.engine, {
      modules: options.app.modules,
      preload: options.app.preload,
      host,
      ...(options.app.mapPosition && { mapPosition: options.app.mapPosition }),
      ...(options.heap && { heap: options.heap }),
      ...(wallMs !== undefined && { wallMs }),
      ...(options.beacon && { beacon: options.beacon }),
      ...(options.turnCodesMax !== undefined && { turnCodesMax: options.turnCodesMax }),
    });
    host.attach(board);
    this.world = world;
    this.#host = host;
    this.#board = board;
    this.boots++;
    options.onBoot?.(this.boots);
    const status = board.start(options.app.main);
    if (status.state === "aborted") this.#ended(status);
  }

  /** Pulls the plug. */
  powerOff(): void {
    this.world?.powerOff();
    this.#host?.powerOff();
    this.#host = undefined;
    this.#isRestarting = false;
  }

  #ended(status: BoardStatus): void {
    if (status.state !== "aborted") return;
    this.powerOff();
    if (status.reason === "restart") this.#restart();
    else this.options.onEnd?.(status);
  }

  /** A chip's ROM and loader take their time: an app that restarts at once must not starve its thread. */
  #restart(): void {
    const world = this.options.createWorld();
    this.world = world;
    this.#isRestarting = true;
    world.timers.start(restartMs, () => {
      this.#isRestarting = false;
      this.#boot(world);
    });
  }
}

/** The firmware's platform prints its level as the first word: `trace` of the SDK knows none. */
function relog(log: Log, level: LogLevel, text: string): void {
  const [, own, rest] = /^(error|warn|info|debug) ([\s\S]*)$/.exec(text) ?? [];
  log((own as LogLevel | undefined) ?? level, (rest ?? text).trimEnd());
}
