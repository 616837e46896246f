// Heap figures: what the author's code takes, without the engine's own share, in three parts.
import { expect, test } from "vitest";
import { Board } from "../../../host-tools/engine/board.ts";
import { heapBaseline } from "../../../host-tools/engine/board-image.ts";
import { compileModules } from "../../../host-tools/engine/bytecode.ts";
import { engine, start, TestHost } from "./support.ts";

test("an empty board uses next to nothing beside the baseline", () => {
  const { board } = start("");
  board.collectGarbage();
  const { baseline, loaded, running } = board.heap();
  expect(baseline.slots).toBeGreaterThan(3771);
  expect(loaded.bytes).toBe(0);
  expect(running.bytes).toBeLessThan(1500);
});

test("what loading takes and what running takes are told apart", () => {
  const library = `export class Ring { #items = []; push(x) { this.#items.push(x); return this; } }
    export const table = Object.freeze(["a", "b", "c"].map((name) => ({ name })));`;
  const main = `import { Ring } from "./ring"; globalThis.ring = new Ring();
    for (let i = 0; i < 100; i++) ring.push({ i });`;
  const modules = compileModules(engine, [
    { specifier: "ring", source: library },
    { specifier: "main", source: main },
  ]);
  const board = Board.create(engine, { modules, host: new TestHost() });
  board.load(["ring"]);
  board.start("main");
  board.collectGarbage();
  const { loaded, running } = board.heap();
  expect(loaded.slots).toBeGreaterThan(30);
  expect(loaded.slots).toBeLessThan(150);
  // 100 objects with one property, an array of 128 or so entries.
  expect(running.slots).toBeGreaterThan(200);
  expect(running.chunkBytes).toBeGreaterThan(1600);
});

test("bytecode and its strings stay out of the heap, as in flash", () => {
  const text = "x".repeat(5000);
  const functions = Array.from(
    { length: 50 },
    (_, i) => `function f${i}() { return "${text}".length; }`,
  );
  const { board } = start(`${functions.join("\n")}\nglobalThis.sum = f1() + f2();`);
  board.collectGarbage();
  expect(board.heap().running.chunkBytes).toBeLessThan(3000);
});

test("the whole heap that was asked for can be used, and no more", () => {
  const source = `let n = 0; globalThis.all = [];
    for (;;) { all.push(new ArrayBuffer(256)); trace(++n); }`;
  const heap = { chunkBytes: 40_000, slots: 1000, stackSlots: 256, keys: 100 };
  const { board, host } = start(source, { heap });
  expect(board.status).toMatchObject({ reason: "memory" });
  const held = Number(host.lines.at(-1));
  const perBuffer = 256 + 8 + 5 * 16;
  expect(held * perBuffer).toBeGreaterThan(0.75 * (heap.chunkBytes + heap.slots * 16));
  expect(held * 264).toBeLessThan(heap.chunkBytes + heap.slots * 16);
});

test("the baseline is the same for every measurement of a build", () => {
  expect(heapBaseline({ ...engine })).toEqual(heapBaseline(engine));
});

test("preloaded modules are in flash: they do not count against the heap, and failing ones end the board", () => {
  const library = `export const table = []; for (let i = 0; i < 2000; i++) table.push({ i });`;
  const modules = compileModules(engine, [
    { specifier: "library", source: library },
    { specifier: "main", source: `import { table } from "library"; trace(table.length);` },
    { specifier: "broken", source: "throw new Error('at load');" },
  ]);
  const heap = { chunkBytes: 16_384, slots: 1024, stackSlots: 256, keys: 100 };
  const make = (preload: string[]) => {
    const host = new TestHost();
    const board = Board.create(engine, { modules, host, heap, preload });
    return { board, host };
  };
  const { board, host } = make(["library"]);
  expect(board.start("main")).toEqual({ state: "running" });
  expect(host.lines).toEqual(["2000"]);
  expect(board.heap().loaded.slots).toBeGreaterThan(4000);
  expect(board.heap().running.bytes).toBeLessThan(2000);
  const own = make([]).board;
  expect(own.start("main")).toMatchObject({ reason: "memory" });
  const broken = make(["broken"]).board;
  expect(broken.status).toMatchObject({ reason: "exception", message: "Error: at load" });
});
