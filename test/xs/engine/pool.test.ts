// Boards in worker threads: a loop that no meter sees costs one board; many boards share one process.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { BoardPool } from "../../../host-tools/engine/board-pool.ts";
import { packageRoot } from "../../../host-tools/engine/paths.ts";
import { engine, start } from "./support.ts";

const embedder = pathToFileURL(join(packageRoot, "build/test/xs/engine/pool-board.js"));

/** Resolves when `condition` holds after some event of the pool. */
function watch(turnMsMax: number, workers: number) {
  const log: string[] = [];
  let check: () => void = () => undefined;
  const note = (line: string) => {
    log.push(line);
    check();
  };
  const pool = new BoardPool({
    engine,
    embedder,
    workers,
    turnMsMax,
    onMessage: (board, message) => note(`${board} ${message}`),
    onLost: (board, failure) => note(`${board} lost ${failure.reason}`),
    onRestarted: (board) => note(`${board} restarted`),
  });
  const until = (line: string, times = 1) =>
    new Promise<void>((resolve) => {
      check = () => {
        if (log.filter((entry) => entry === line).length >= times) resolve();
      };
      check();
    });
  return { pool, log, until };
}

test("a native loop is ended by the watchdog; its neighbour starts again, others do not notice", async () => {
  const { pool, log, until } = watch(400, 2);
  try {
    pool.start(1, "trace('one');");
    pool.start(2, "trace('two');");
    await until("1 started");
    await until("2 started");
    // Third board: same thread as the first. indexOf over four billion holes counts a few codes and takes minutes.
    pool.start(3, "trace('loop'); const a = []; a.length = 2 ** 32 - 1; a.indexOf(7);");
    await until("3 lost native-loop");
    await until("1 started", 2);
    pool.post(1, "hello");
    pool.post(3, "nobody");
    await until("1 echo hello");
    expect(log).toContain("1 restarted");
    expect(log.filter((line) => line.startsWith("2 "))).toEqual(["2 two", "2 started"]);
    expect(log.some((line) => line === "3 started")).toBe(false);
  } finally {
    await pool.close();
  }
});

test("a pool that settles has told everything, the watchdog's verdict too", async () => {
  const { pool, log } = watch(400, 2);
  try {
    pool.start(1, "trace('one'); throw new Error('x');");
    pool.start(2, "const a = []; a.length = 2 ** 32 - 1; a.indexOf(7);");
    await pool.settle();
    expect(log.sort()).toEqual(["1 exception", "1 one", "2 lost native-loop"]);
  } finally {
    await pool.close();
  }
});

test("an embedder's module that fails loses its board only", async () => {
  const { pool, until, log } = watch(10_000, 1);
  try {
    pool.start(1, "let = = 1;");
    pool.start(2, "throw new Error('x');");
    await until("1 lost host");
    await until("2 exception");
    expect(log).not.toContain("2 lost host");
  } finally {
    await pool.close();
  }
});

test("two hundred boards live in one process, and one that fails leaves the rest alone", () => {
  const source = `import Timer from "timer";
    class Counter { #n = 0; add() { return ++this.#n; } }
    const counter = new Counter(); const seen = new Map();
    Timer.repeat(() => seen.set(counter.add() % 10, Math.random()), 100);`;
  const boards = Array.from({ length: 200 }, (_, index) =>
    start(index === 77 ? `${source} Timer.set(() => { for (;;) ; }, 250);` : source, {
      turnCodesMax: 1_000_000,
    }),
  );
  for (const { board, host } of boards) host.run(board, 1000);
  const states = boards.map(({ board }) => board.status.state);
  expect(states.filter((state) => state === "aborted")).toHaveLength(1);
  expect(states[77]).toBe("aborted");
  expect(new Set(boards.filter((_, i) => i !== 77).map(({ board }) => board.meter)).size).toBe(1);
});
