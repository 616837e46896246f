// An app on the real engine, in virtual time: its ports are those of a simulated Node platform.
import { compileApp } from "../../host-tools/engine/app.ts";
import { Board } from "../../host-tools/engine/board.ts";
import type { BoardStatus } from "../../host-tools/engine/board-types.ts";
import { ensureEngine } from "../../host-tools/engine/ensure.ts";
import { PortHost } from "../../host-tools/engine/port-host.ts";
import type { NodePlatform } from "../../host-tools/sim/node-platform.ts";

/** Boots `<appDir>/main.ts`; everything it imports is loaded first, as a preloaded image has it. */
export async function bootApp(appDir: string, platform: NodePlatform) {
  const engine = await ensureEngine();
  const app = await compileApp(engine, appDir);
  const ends: BoardStatus[] = [];
  const host = new PortHost({
    clock: platform.clock,
    timers: platform.timers,
    network: platform.network,
    random: platform.random,
    log: (level, text) => platform.log(level, text),
    storage: () => platform.storage,
    flash: () => platform.flash,
    onEnd: (status) => ends.push(status),
  });
  const { modules, mapPosition } = app;
  const wallMs = platform.clock.wallMs();
  const heap = {
    chunkBytes: 65_536,
    slots: 8192,
    stackSlots: 1024,
    keys: 2000,
    systemBytes: 65_536,
  };
  const board = Board.create(engine, {
    heap,
    modules,
    host,
    mapPosition,
    ...(wallMs !== undefined && { wallMs }),
  });
  host.attach(board);
  board.load(app.preload);
  board.start(app.main);
  return { board, host, ends, app };
}
