// Whatever an app does ends its board with a reason, never the process; other boards go on.
import { expect, test } from "vitest";
import { Board } from "../../../host-tools/engine/board.ts";
import { compileModules } from "../../../host-tools/engine/bytecode.ts";
import { engine, start, TestHost, traced } from "./support.ts";

const limited = { turnCodesMax: 300_000 };

const cases: [name: string, reason: string, source: string][] = [
  ["slots full", "memory", "const all = []; for (;;) all.push({});"],
  ["chunks full", "memory", "const all = []; for (;;) all.push(new ArrayBuffer(1024));"],
  ["one huge chunk", "memory", "new ArrayBuffer(10_000_000);"],
  ["recursion", "stack", "function f() { return 1 + f(); } f();"],
  ["recursion in sort", "stack", "const f = () => [1, 2].sort(f); f();"],
  ["recursion in toString", "stack", "const o = { toString() { return '' + o; } }; '' + o;"],
  [
    "recursion in JSON",
    "stack",
    "let o = {}; for (let i = 0; i < 1500; i++) o = [o]; JSON.stringify(o);",
  ],
  ["recursion in proxies", "stack", "const p = new Proxy({}, { get: (t, k, r) => r[k] }); p.x;"],
  ["endless loop", "runaway", "for (;;) ;"],
  ["endless loop in try", "runaway", "for (;;) try { for (;;) ; } catch {} finally { continue; }"],
  ["endless await", "runaway", "for (;;) await 0;"],
  ["endless promises", "runaway", "const f = () => { Promise.resolve().then(f); }; f();"],
  ["catastrophic RegExp", "runaway", "/(a*)*b/.test('a'.repeat(25));"],
  ["uncaught throw", "exception", "throw new TypeError('no good');"],
  ["missing module", "exception", "await import('./nowhere');"],
  ["unhandled rejection", "rejection", "Promise.reject(new Error('left alone'));"],
  [
    "keys used up",
    "keys",
    "const o = []; for (let i = 0; ; i++) Symbol.for('k' + i), o['k' + i] = 1;",
  ],
  [
    "restart",
    "restart",
    "import System from 'system'; try { System.restart(); } finally { trace('never'); }",
  ],
];

test.each(cases)("%s ends the board: %s", (_name, reason, source) => {
  const heap = {
    chunkBytes: 131_072,
    slots: 16_384,
    stackSlots: 512,
    keys: 300,
    systemBytes: 8 << 20,
  };
  const { board, host } = start(source, { ...limited, heap });
  expect(board.status).toMatchObject({ state: "aborted", reason });
  expect(host.lines).toEqual([]);
  // Later calls are ignored, figures stay readable, and a new board works.
  const { meter } = board;
  expect(board.fireTimer(1)).toEqual(board.status);
  expect(board.deliver(101, new Uint8Array(8))).toEqual(board.status);
  expect(board.meter).toBe(meter);
  expect(board.stats().bytes).toBeGreaterThanOrEqual(0);
  expect(traced("trace('alive')")).toEqual(["alive"]);
});

test("fixed pools end a board that a shared block would carry", () => {
  const source = "let list; for (let i = 0; i < 1300; i++) list = { list, i }; trace('fits');";
  const heap = { chunkBytes: 65_536, slots: 2048, stackSlots: 256, keys: 100 };
  expect(start(source, { heap: { ...heap, pools: "shared" } }).board.status.state).toBe("running");
  const { board } = start(source, { heap: { ...heap, pools: "fixed" } });
  expect(board.status).toMatchObject({ state: "aborted", reason: "memory" });
});

test("memory of regular expressions is counted and ends the board instead of answering 'no match'", () => {
  const source = "trace(/^(?:(a)|(b)|(c))*$/.test('abc'.repeat(20_000)));";
  const heap = { chunkBytes: 262_144, slots: 2048, stackSlots: 512, keys: 100 };
  const small = start(source, { heap: { ...heap, systemBytes: 32_768 } });
  expect(small.board.status).toMatchObject({ state: "aborted", reason: "memory" });
  const large = start(source, { heap: { ...heap, systemBytes: 16 << 20 } });
  expect(large.host.lines).toEqual(["true"]);
});

test("the turn's limit is overshot by less than a thousand codes", () => {
  const { board } = start("for (;;) ;", { turnCodesMax: 500_000 });
  expect(board.meter).toBeGreaterThan(500_000);
  expect(board.meter).toBeLessThan(520_000);
  expect(board.status).toMatchObject({ reason: "runaway", stack: [{ file: "main", line: 1 }] });
});

test("an exception in a timer names module, line and function", () => {
  const { board, host } = start(
    `import Timer from "timer";
import { inner } from "./lib/inner";
Timer.set(() => {
  inner({});
}, 5);`,
    { sources: { "lib/inner": "export function inner(o) {\n\n  return o.a.b;\n}" } },
  );
  host.run(board, 10);
  expect(board.status).toMatchObject({
    state: "aborted",
    reason: "exception",
    message: "TypeError: cannot coerce undefined to object",
    stack: [
      { file: "lib/inner", line: 3, function: "inner" },
      { file: "main", line: 4 },
      { file: "timer" },
      { file: "godwit:engine/events" },
    ],
  });
});

test("the position is the throw's, not the rethrow's or the handler's", () => {
  const { board } = start(`
async function work() {
  await 0;
  throw new RangeError("deep");
}
try {
  await work();
} catch (error) {
  throw error;
}`);
  expect(board.status).toMatchObject({ message: "RangeError: deep", stack: [{ line: 4 }] });
});

test("values that are no errors are described without running their code", () => {
  const message = (thrown: string) => {
    const { status } = start(`throw ${thrown};`).board;
    return status.state === "aborted" ? status.message : "running";
  };
  expect(message("'text'")).toBe("text");
  expect(message("42")).toBe("42");
  expect(message("undefined")).toBe("a value that is no Error");
  expect(message("new Proxy({}, { get() { for (;;) ; } })")).toBe("Object");
  expect(message("{ get message() { for (;;) ; } }")).toBe("Object");
});

test("a board may outlive exceptions when its embedder wants that", () => {
  const { board, host } = start(
    `import Timer from "timer";
     Timer.repeat(() => { throw new Error("again"); }, 10);`,
    { onException: "report" },
  );
  host.run(board, 30);
  expect(board.status.state).toBe("running");
  expect(host.lines).toHaveLength(3);
  expect(host.lines[0]).toContain("Error: again\nmain:2:");
});

test("a host that throws ends the board, not the process", () => {
  const modules = compileModules(engine, [{ specifier: "main", source: "trace('x'); trace('y')" }]);
  const host = new TestHost();
  host.log = () => {
    throw new Error("disk full");
  };
  const board = Board.create(engine, { modules, host });
  expect(board.start("main")).toMatchObject({
    state: "aborted",
    reason: "host",
    message: "the board's host failed: Error: disk full",
  });
});

test("bytecode that is damaged or of another engine is refused", () => {
  const modules = compileModules(engine, [{ specifier: "main", source: "trace('x')" }]);
  const good = modules.get("main") as Uint8Array;
  for (let cut = 0; cut < good.length; cut += 7) {
    const bytes = good.slice(0, cut);
    const board = Board.create(engine, {
      modules: new Map([["main", bytes]]),
      host: new TestHost(),
    });
    expect(board.start("main")).toMatchObject({ state: "aborted", reason: "exception" });
  }
  const other = good.slice();
  other[16] = 17;
  const board = Board.create(engine, { modules: new Map([["main", other]]), host: new TestHost() });
  expect(board.start("main")).toMatchObject({ reason: "exception" });
});
