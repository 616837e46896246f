// The code in the front door compiles: prose may age, examples may not.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

test("every TypeScript block of the README compiles as device code", () => {
  const blocks = [
    ...readFileSync(join(root, "README.md"), "utf8").matchAll(/```ts\n([\s\S]*?)```/g),
  ];
  expect(blocks.length).toBeGreaterThan(0);
  const folder = join(root, "build", "readme");
  mkdirSync(folder, { recursive: true });
  const files = blocks.map((block, index) => {
    const file = join(folder, `block-${index}.ts`);
    writeFileSync(file, block[1]!);
    return file;
  });
  const config = {
    extends: "../../firmware/tsconfig.json",
    compilerOptions: { composite: false, noEmit: true, rootDir: "../..", declaration: false },
    files: [...files, join(root, "firmware", "platform", "sdk.d.ts")],
    include: [],
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  const { stdout, status } = spawnSync(process.execPath, [tsc, "-p", folder], { encoding: "utf8" });
  expect(stdout).toBe("");
  expect(status).toBe(0);
});

test("every test that the list of bad input names is there", () => {
  const text = readFileSync(join(root, "test", "README.md"), "utf8").split("## Bad input")[1] ?? "";
  const names = [...text.matchAll(/`([a-z]+(?:\/[a-z0-9-]+)+)`/g)].map((match) => match[1]!);
  expect(names.length).toBeGreaterThan(30);
  const gone = names.filter((name) => {
    const [path, last] = [join(root, "test", name), name.split("/").at(-1)!];
    return !exists(`${path}.test.ts`) && !exists(join(path, `${last}.test.ts`));
  });
  expect(gone).toEqual([]);
});

test("links of the README lead somewhere", () => {
  const links = [...readFileSync(join(root, "README.md"), "utf8").matchAll(/\]\(([^)#]+)\)/g)];
  const dead = links.map((link) => link[1]!).filter((path) => !exists(join(root, path)));
  expect(dead).toEqual([]);
});

function exists(path: string): boolean {
  return spawnSync("git", ["ls-files", "--error-unmatch", path], { cwd: root }).status === 0;
}
