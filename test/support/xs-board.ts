/** An app on the real XS engine in a simulated world: the board's ports are those of a NodePlatform. */
import { compileApp } from "../../host-tools/engine/app.ts";
import { Board } from "../../host-tools/engine/board.ts";
import { ensureEngine } from "../../host-tools/engine/ensure.ts";
import { PortHost } from "../../host-tools/engine/port-host.ts";
import { NodePlatform, type NodePlatformOptions } from "../../host-tools/sim/node-platform.ts";
import type { World } from "../../host-tools/sim/world.ts";

export interface XsBoard {
  board: Board;
  platform: NodePlatform;
  logs: string[];
}

/** Compiles `<appDir>/main.ts`, loads its modules as a preloaded image has them, and starts it. */
export async function startXsBoard(
  world: World,
  appDir: string,
  options: Partial<NodePlatformOptions> = {},
): Promise<XsBoard> {
  const engine = await ensureEngine();
  const app = await compileApp(engine, appDir);
  const logs: string[] = [];
  const platform = new NodePlatform(world, { name: "xs", ...options });
  const { clock, timers, network, random, storage, flash } = platform;
  const host = new PortHost({
    clock,
    timers,
    network,
    random,
    storage: () => storage,
    flash: () => flash,
    log: (level, text) => logs.push(`${level} ${text}`),
  });
  const wallMs = clock.wallMs();
  const board = Board.create(engine, {
    modules: app.modules,
    host,
    mapPosition: app.mapPosition,
    ...(wallMs !== undefined && { wallMs }),
  });
  host.attach(board);
  board.load(app.preload);
  board.start(app.main);
  return { board, platform, logs };
}
