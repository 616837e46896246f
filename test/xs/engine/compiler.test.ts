// Mistakes in source files are reported where they are; apps compile from anywhere.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { compileApp } from "../../../host-tools/engine/app.ts";
import { Board } from "../../../host-tools/engine/board.ts";
import { compileModules, SourceError } from "../../../host-tools/engine/bytecode.ts";
import { engine, TestHost } from "./support.ts";

const folder = mkdtempSync(join(tmpdir(), "godwit-app-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function app(name: string, files: Record<string, string>): string {
  for (const [path, text] of Object.entries(files)) {
    const file = join(folder, name, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  return join(folder, name);
}

async function failure(promise: Promise<unknown>): Promise<SourceError> {
  const error = await promise.then(
    () => undefined,
    (reason) => reason,
  );
  expect(error).toBeInstanceOf(SourceError);
  return error;
}

test.each([
  ["let a = 1;\nlet b = = 2;\n", "bad.js:2:9: missing expression"],
  ["function f( {\n}\n", /^bad\.js:\d:\d+: /],
  ["let a;\nlet a;\n", /^bad\.js:2:\d+: duplicate variable a/],
  ["const s = 'open\n", /^bad\.js:1:\d+: /],
  ["return 1;\n", /^bad\.js:1:\d+: invalid return/],
  ["x = {;\n", /^bad\.js:1:6: /],
  ["/(/;\n", /^bad\.js:1:\d+: /],
  ["(".repeat(20_000), /^bad\.js:1:\d+: (stack overflow|too much)/],
])("a mistake in JavaScript: %#", (source, message) => {
  const compile = () => compileModules(engine, [{ specifier: "bad", source, file: "bad.js" }]);
  expect(compile).toThrow(SourceError);
  expect(compile).toThrow(message);
});

test("random bytes never crash the compiler", () => {
  let seed = 20_261_120;
  const next = () => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return seed >>> 8;
  };
  const pieces = [
    "let ",
    "x",
    "=",
    "(",
    ")",
    "{",
    "}",
    "`",
    "${",
    "'",
    "/",
    "\\",
    "\n",
    "await ",
    "class ",
    "#",
    "1e9",
    "=>",
    "\u{1f600}",
    "import ",
  ];
  for (let i = 0; i < 300; i++) {
    const source = Array.from({ length: next() % 40 }, () => pieces[next() % pieces.length]).join(
      "",
    );
    try {
      compileModules(engine, [{ specifier: "fuzz", source }]);
    } catch (error) {
      expect(error, `seed 20261120, round ${i}: ${source}`).toBeInstanceOf(SourceError);
    }
  }
});

test.each([
  [true, "godwit:image"],
  [false, "lib/boom"],
])(
  "an app outside the package compiles, runs, and its errors carry TypeScript positions; linked: %s",
  async (link, library) => {
    const dir = app("good", {
      "main.ts": `import Timer from "timer";
import type { LogLevel } from "godwit/ports/log";
import { boom } from "./lib/boom.ts";

interface Unused {
  a: number;
}

const level: LogLevel = "info";
trace(level);
Timer.set(() => boom(1), 10);
`,
      "lib/boom.ts": `export type Reason = number;

export function boom(reason: Reason): never {
  throw new Error(\`boom \${reason}\`);
}
`,
    });
    const compiled = await compileApp(engine, dir, { link });
    expect(compiled.preload).toEqual([library]);
    const host = new TestHost();
    const { modules, mapPosition } = compiled;
    const board = Board.create(engine, { modules, mapPosition, host });
    board.load(compiled.preload);
    board.start(compiled.main);
    host.run(board, 20);
    expect(host.lines).toEqual(["info"]);
    expect(board.status).toMatchObject({
      message: "Error: boom 1",
      stack: expect.arrayContaining([
        { file: join(dir, "lib/boom.ts"), line: 4, column: 3, function: "boom" },
      ]),
    });
  },
);

test("type errors, missing builtins and missing modules name file, line and column", async () => {
  const type = app("type", { "main.ts": 'trace("");\nconst n: number = "text";\ntrace(n);\n' });
  expect(await failure(compileApp(engine, type))).toMatchObject({
    file: join(type, "main.ts"),
    line: 2,
    column: 7,
  });
  const builtin = app("builtin", { "main.ts": "trace([3, 1].toSorted());\n" });
  expect((await failure(compileApp(engine, builtin))).message).toMatch(/main\.ts:1:14: .*toSorted/);
  const missing = app("missing", { "main.ts": 'import { x } from "godwit/nowhere";\ntrace(x);\n' });
  expect(await failure(compileApp(engine, missing))).toMatchObject({ line: 1 });
  const node = app("node", { "main.ts": 'import fs from "node:fs";\ntrace(fs);\n' });
  expect(await failure(compileApp(engine, node))).toMatchObject({ line: 1 });
});

test("a folder without main.ts is a usage error with a way out", async () => {
  await expect(compileApp(engine, join(folder, "empty"))).rejects.toMatchObject({
    code: "no-app",
    hint: expect.stringContaining("godwit init"),
  });
});
