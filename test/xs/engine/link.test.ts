// Linked apps do what separate modules do, in less memory, and their errors keep their places.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { compileApp } from "../../../host-tools/engine/app.ts";
import { Board } from "../../../host-tools/engine/board.ts";
import { tabulate } from "../../../host-tools/engine/image-table.ts";
import { engine, TestHost } from "./support.ts";

const folder = mkdtempSync(join(tmpdir(), "godwit-link-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Names that are shadowed, changed, shared, shorthand, recursive, circular, renamed, the same in two modules. */
const files: Record<string, string> = {
  "main.ts": `import { report } from "./report.ts";
report();
import("./late.ts").then(({ late }) => late());
`,
  "late.ts": `import { count } from "./counter.ts";
import { names } from "./report.ts";

export const late = () => trace(\`late \${count} \${names.length}\`);
`,
  "report.ts": `import Timer from "timer";
import { count, Counter, limit as top, next, STEP } from "./counter.ts";
import * as shapes from "./shapes.ts";

const limit = 7;
const TABLE = { one: 1, two: "two" };
const MARKS = { a: 1 };
const pattern = /b+/;
export const names = ["x", "y"];

function inner(limit: number): number {
  const { one } = TABLE;
  return limit + one;
}

export function report(): void {
  const counter = new Counter(limit);
  for (const STEP of [1, 2]) counter.add(STEP);
  MARKS.a += 1;
  next();
  next();
  const summary = { limit, top, STEP, count, text: TABLE.two, of: TABLE["one"] };
  trace(JSON.stringify(summary));
  trace(\`\${inner(2)} \${counter.total} \${MARKS.a} \${pattern.test("abb")} \${typeof Timer.set}\`);
  trace(\`\${shapes.area(3)} \${names.map((name) => name + limit)} \${shapes.Square.sides} \${counter.describe()}\`);
  try {
    shapes.area(-1);
  } catch (error) {
    trace(\`\${(error as Error).message} \${error instanceof shapes.ShapeError}\`);
  }
}
`,
  "counter.ts": `import { names } from "./report.ts";

export const limit = -3.5;
export const STEP = 10;
export let count = 0;

export function next(): number {
  count += STEP;
  return count;
}

export class Counter {
  total = 0;
  private readonly factor: number;
  constructor(factor: number) {
    this.factor = factor;
  }
  add(limit: number): this {
    this.total += limit * this.factor;
    return this;
  }
  describe(): string {
    return \`\${names.length} \${new Counter(1).add(STEP).total} \${fibonacci(10)}\`;
  }
}

function fibonacci(n: number): number {
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}
`,
  "shapes.ts": `export class ShapeError extends Error {}

export class Square {
  static readonly sides = 4;
  area: number;
  constructor(side: number) {
    if (side < 0) throw new ShapeError("negative side");
    this.area = side * side;
  }
}

export const area = (side: number) => new Square(side).area;
`,
};

async function run(link: boolean) {
  const dir = join(folder, String(link));
  mkdirSync(dir, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
  const { main, modules, mapPosition, preload } = await compileApp(engine, dir, { link });
  const host = new TestHost();
  const board = Board.create(engine, { modules, mapPosition, host });
  board.load(preload);
  board.start(main);
  return { lines: host.lines, status: board.status, loaded: board.heap().loaded };
}

test("a linked app does the same in less memory", async () => {
  const separate = await run(false);
  const linked = await run(true);
  expect(separate.status).toEqual({ state: "running" });
  expect(separate.lines).toEqual([
    '{"limit":7,"top":-3.5,"STEP":10,"count":20,"text":"two","of":1}',
    "3 21 2 true function",
    "9 x7,y7 4 2 10 55",
    "negative side true",
    "late 20 2",
  ]);
  expect(linked).toMatchObject({ status: separate.status, lines: separate.lines });
  expect(linked.loaded.bytes).toBeLessThan(0.75 * separate.loaded.bytes);
});

const endless = {
  "at the top of main": { "main.ts": "while (true) {}\ntrace('after');\n" },
  "in a function of another module": {
    "main.ts": `import { spin } from "./spin.ts";\nspin();\ntrace("after");\n`,
    "spin.ts": "export function spin(): void {\n  while (true) {}\n}\n",
  },
};

test.each(Object.entries(endless))(
  "a loop without end and without effect stays: %s",
  async (name, texts) => {
    const dir = join(folder, name.replaceAll(" ", "-"));
    mkdirSync(dir);
    for (const [file, text] of Object.entries(texts)) writeFileSync(join(dir, file), text);
    const { main, modules, mapPosition, preload } = await compileApp(engine, dir);
    const host = new TestHost();
    const board = Board.create(engine, { modules, mapPosition, host, turnCodesMax: 1_000_000 });
    board.load(preload);
    board.start(main);
    expect(board.status).toMatchObject({ state: "aborted", reason: "runaway" });
    expect(host.lines).toEqual([]);
  },
);

test("lines stay where they are, and functions capture nothing", () => {
  const source = `const MODE = {\n  slow: 1,\n  fast: 2,\n};\nlet seen = 0;\nvar Part = class {};
function use(part = new Part()) {\n  seen++;\n  return [MODE.fast, part];\n}\nexport { use };\n`;
  const result = tabulate(source);
  expect(result.split("\n").length).toBe(source.split("\n").length);
  expect(result.split("\n")[8]).toBe("  return [(2), part];");
  expect(result).toContain("function use(part = new (import.meta.image[0])()) {");
  expect(result).toContain("import.meta.image[0] = Part;");
  expect(result).not.toContain("MODE");
});
