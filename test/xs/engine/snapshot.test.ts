// A snapshot continues exactly as the board would have: output, meter, figures and memory bytes.
import { expect, test } from "vitest";
import { Board } from "../../../host-tools/engine/board.ts";
import { engine, start, TestHost } from "./support.ts";

const app = `
  import Timer from "timer";
  const names = new Map();
  function* ids() { for (let i = 0; ; i++) yield "id" + i; }
  const source = ids();
  const pause = (ms) => new Promise((resolve) => Timer.set(() => resolve(ms), ms));
  async function work() {
    for (;;) {
      names.set(source.next().value, Math.random());
      if (names.size > 40) names.clear();
      try { if (names.size % 3 === 0) throw new Error("three"); } catch (e) { trace(e.message + names.size); }
      await pause(1 + (names.size % 5));
    }
  }
  work();
  Timer.repeat(() => trace(JSON.stringify([...names.values()].slice(-1)) + Date.now()), 7);
`;

test("a restored board continues identically, to the byte", () => {
  const { board, host } = start(app);
  host.run(board, 250);
  const snapshot = board.snapshot();
  const length = host.lines.length;
  host.run(board, 1000);
  const copyHost = new TestHost();
  const copy = Board.restore(engine, snapshot, copyHost);
  expect(copyHost.nowMs).toBe(250);
  copyHost.run(copy, 1000);
  expect(length).toBeGreaterThan(20);
  expect(copyHost.lines).toEqual(host.lines.slice(length));
  expect(copy.meter).toBe(board.meter);
  expect(copy.stats()).toEqual(board.stats());
  expect(Buffer.compare(copy.snapshot().memory, board.snapshot().memory)).toBe(0);
});

test("restoring in place goes back in time", () => {
  const { board, host } = start(app);
  host.run(board, 100);
  const snapshot = board.snapshot();
  host.run(board, 300);
  const meter = board.meter;
  board.restore(snapshot);
  host.run(board, 300);
  expect(board.meter).toBe(meter);
});

test("an aborted board comes back to life from an earlier snapshot", () => {
  const { board, host } = start(
    `import Timer from "timer"; Timer.set(() => { throw new Error("late"); }, 50); Timer.repeat(() => {}, 10);`,
  );
  host.run(board, 20);
  const snapshot = board.snapshot();
  host.run(board, 60);
  expect(board.status.state).toBe("aborted");
  board.restore(snapshot);
  expect(board.status.state).toBe("running");
});

test("fifty forks of one moment run alike", () => {
  const { board, host } = start(app);
  host.run(board, 100);
  const meters = new Set<number>();
  for (let i = 0; i < 50; i++) {
    const forkHost = new TestHost();
    const fork = board.fork(forkHost);
    forkHost.run(fork, 200);
    meters.add(fork.meter);
  }
  expect(meters.size).toBe(1);
});

test("a snapshot of another engine is refused", () => {
  const { board } = start("");
  const snapshot = { ...board.snapshot(), engineHash: "other" };
  expect(() => Board.restore(engine, snapshot)).toThrow(/another engine build/);
});

test("two fresh boards with equal worlds have equal memory", () => {
  const [a, b] = [start(app), start(app)];
  for (const { board, host } of [a, b]) host.run(board, 500);
  expect(Buffer.compare(a.board.snapshot().memory, b.board.snapshot().memory)).toBe(0);
});
