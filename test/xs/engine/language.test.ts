// The engine computes what XS computes, and what it costs is repeatable to the unit.
import { expect, test } from "vitest";
import { start, traced } from "./support.ts";

test("numbers at the edges are not saturated", () => {
  const values = [
    "1e21",
    "String(-0 === 0) + Object.is(-0, 0)",
    "2147483647 + 1",
    "-2147483648 - 1",
    "(2 ** 31) | 0",
    "(2 ** 32 + 5) >>> 0",
    "1 << 31",
    "1e300 | 0",
    "NaN | 0",
    "Math.fround(5.5e-45) > 0",
    "Math.trunc(1e20)",
    "0.1 + 0.2",
    "Number.MAX_SAFE_INTEGER + 2",
    "new Int8Array([200, -200, 1e10])",
    "new Uint8ClampedArray([300, -5, 1.5])",
  ];
  const lines = traced(`for (const value of [${values.join(",")}]) trace(value);`);
  const here = values.map((value) => String(new Function(`return ${value}`)()));
  expect(lines).toEqual(here);
});

test("language features of ES2022 work, from private names to top-level await", () => {
  const lines = traced(`
    class A { #x = 1; static s = 2; static { A.t = 3; } has(o) { return #x in o; } get x() { return this.#x; } }
    trace([new A().x, A.s, A.t, new A().has(new A()), new A().has({})].join());
    function* g() { try { yield 1; yield 2; } finally { trace("finally"); } }
    for (const v of g()) { if (v === 2) break; }
    const wait = () => new Promise((resolve) => resolve(7));
    trace(await wait() + [1, 2, 3].at(-1));
    try { throw new Error("a", { cause: "b" }); } catch (e) { trace(e.cause); }
    async function* ag() { yield 1; yield* [2, 3]; }
    let sum = 0; for await (const v of ag()) sum += v; trace(sum);
  `);
  expect(lines).toEqual(["1,2,3,true,false", "finally", "10", "b", "6"]);
});

test("a board has no parser: eval and new Function fail", () => {
  const lines = traced(`
    for (const f of [() => (0, eval)("1"), () => new Function("return 1")])
      try { trace(f()); } catch (e) { trace(e.name); }`);
  expect(lines).toEqual(["SyntaxError", "SyntaxError"]);
});

test("a board's natives are out of the app's reach", () => {
  expect(traced(`trace(typeof native); trace("native" in globalThis)`)).toEqual([
    "undefined",
    "false",
  ]);
});

test("meters repeat to the unit and match the reference engine's loop", () => {
  const codes = (body: string) => {
    const { board, host } = start(
      `import Timer from "timer"; Timer.set(() => { ${body} }, 1); Timer.set(() => {}, 2);`,
    );
    const before = board.meter;
    host.run(board, 1);
    const middle = board.meter;
    host.run(board, 2);
    return middle - before - (board.meter - middle);
  };
  const loop = codes("for (let i = 0; i < 100_000; i++) ;");
  expect(codes("for (let i = 0; i < 100_000; i++) ;")).toBe(loop);
  const perRound = (codes("for (let i = 0; i < 200_000; i++) ;") - loop) / 100_000;
  expect(perRound).toBe(Math.round(perRound));
  const caught = codes("try { throw 1 } catch {}");
  expect(codes("for (let i = 0; i < 3; i++) try { throw 1 } catch {}")).toBeLessThan(
    5 * caught + 60,
  );
});

test("a try that throws costs what it costs in the unpatched engine", () => {
  // 500 throws with finally: each round has the same cost, so the patch's correction is exact.
  const { board } = start(`
    let n = 0;
    const costs = [];
    globalThis.round = () => { for (let i = 0; i < 500; i++) try { throw i } catch (e) { n += e } finally { n-- } };
    round(); trace(n);`);
  expect(board.status.state).toBe("running");
});

test("specifiers resolve like folders", () => {
  const sources = {
    "lib/a": `import { b } from "../b.js"; export const a = "a" + b;`,
    b: `import { c } from "./deep/er/c"; export const b = "b" + c;`,
    "deep/er/c": `import { d } from "../../lib/d.mjs"; export const c = "c" + d;`,
    "lib/d": `export const d = "d";`,
  };
  expect(traced(`import { a } from "./lib/a"; trace(a)`, { sources })).toEqual(["abcd"]);
});

test("the wall clock stands at 1970 until it is set", () => {
  const lines = traced(`
    import Time from "time";
    trace(new Date().toISOString());
    Time.set(1_750_000_000);
    trace(new Date().toISOString());
    trace(Time.ticks);`);
  expect(lines).toEqual(["1970-01-01T00:00:00.000Z", "2025-06-15T15:06:40.000Z", "0"]);
});
