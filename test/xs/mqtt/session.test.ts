// The MQTT session and the codecs on the XS engine: equal to Node line by line, and lean.
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { compileApp } from "../../../host-tools/engine/app.ts";
import { Board } from "../../../host-tools/engine/board.ts";
import { ensureEngine } from "../../../host-tools/engine/ensure.ts";
import { run } from "./app/main.ts";

/** What loading the room takes when nothing of it is in flash. Lower it when you can. */
const LOADED_BYTES_MAX = 17_000;
const BYTECODE_BYTES_MAX = 20_500;

test("one session and all codecs give the same lines on XS as in Node", async () => {
  const engine = await ensureEngine();
  const app = await compileApp(engine, fileURLToPath(new URL("app", import.meta.url)), {
    link: false,
  });
  const lines: string[] = [];
  const board = Board.create(engine, {
    modules: app.modules,
    mapPosition: app.mapPosition,
    host: {
      now: () => 0,
      random: () => 1,
      log: (_, text) => lines.push(...text.split("\n")),
      startTimer: () => undefined,
      stopTimer: () => undefined,
      call: () => undefined,
    },
  });
  const room = app.preload.filter((name) => name.startsWith("godwit/mqtt/"));
  board.load(app.preload.filter((name) => !room.includes(name)));
  const before = board.stats().bytes;
  board.load(room);
  const loadedBytes = board.stats().bytes - before;
  const bytecodeBytes = room.reduce((sum, name) => sum + app.modules.get(name)!.length, 0);
  console.log(
    `mqtt on XS: ${loadedBytes} bytes of heap when loaded, ${bytecodeBytes} bytes of bytecode`,
  );
  expect(board.start(app.main)).toEqual({ state: "running" });
  const expected = run();
  expect(expected.length).toBeGreaterThan(40);
  expect(lines).toEqual(expected);
  expect(loadedBytes).toBeLessThan(LOADED_BYTES_MAX);
  expect(bytecodeBytes).toBeLessThan(BYTECODE_BYTES_MAX);
});
