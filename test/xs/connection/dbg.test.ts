import { it } from "vitest";
import { compileApp } from "../../../host-tools/engine/app.ts";
import { Board } from "../../../host-tools/engine/board.ts";
import { ensureEngine } from "../../../host-tools/engine/ensure.ts";

it("dbg", async () => {
  const engine = await ensureEngine();
  const app = await compileApp(engine, new URL("./app", import.meta.url).pathname);
  const board = Board.create(engine, {
    modules: app.modules,
    heap: {
      chunkBytes: 200000,
      slots: 20000,
      stackSlots: 512,
      keys: 2000,
      pools: "fixed",
    } as never,
    host: {
      now: () => 0,
      random: () => 1,
      log: (_l: string, t: string) => console.log(t),
      startTimer() {},
      stopTimer() {},
      call: () => undefined,
    } as never,
  });
  let last = { slots: 0, chunkBytes: 0, keys: 0 };
  const rows: string[] = [];
  for (const s of app.preload) {
    board.load([s]);
    const l = board.heap().loaded;
    rows.push(
      `${s.padEnd(45)} slots ${String(l.slots - last.slots).padStart(5)} chunk ${String(l.chunkBytes - last.chunkBytes).padStart(6)} keys ${l.keys - last.keys} code ${app.modules.get(s)!.length}`,
    );
    last = l;
  }
  console.log(`${rows.join("\n")}\ntotal ${JSON.stringify(last)}`);
});
