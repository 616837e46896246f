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

/** Codes per round of a loop; they are whole numbers or the meter is not repeatable. */
function codesPerRound(source: (rounds: number) => string): number {
  const [few, more, most] = [200, 300, 400].map((rounds) => start(source(rounds)).board.meter);
  const first = ((more ?? 0) - (few ?? 0)) / 100;
  expect(((most ?? 0) - (more ?? 0)) / 100).toBe(first);
  return first;
}

// The numbers were measured with the unpatched interpreter too: taking setjmp out of it must not change a meter.
test.each([
  ["a loop", 12, (n: number) => `for (let i = 0; i < ${n}; i++) ;`],
  [
    "a throw through finally",
    69,
    (n: number) =>
      `let n = 0; for (let i = 0; i < ${n}; i++) { try { try { throw i } finally { n++ } } catch (e) { n += e } } trace(n);`,
  ],
  [
    "a generator that is thrown into every second time",
    75.5,
    (n: number) => `function* g() { let r = 0; for (;;) try { r = yield r } catch (e) { r = e } }
      const it = g(); it.next(); let s = 0;
      for (let i = 0; i < ${n}; i++) { s += (i % 2 ? it.next(i) : it.throw(i)).value } trace(s);`,
  ],
  [
    "an async function that rejects every second time",
    177.5,
    (n: number) => `let c = 0; async function f(i) { await 0; if (i % 2) throw i; return i }
      for (let i = 0; i < ${n}; i++) try { c += await f(i) } catch (e) { c -= 1 } trace(c);`,
  ],
])("%s costs %d codes per round", (_name, codes, source) => {
  expect(codesPerRound(source)).toBe(codes);
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
