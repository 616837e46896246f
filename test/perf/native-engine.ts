// The same engine sources built by this machine's gcc for 32 bits: what the processor could do without WebAssembly.
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { Engine } from "../../host-tools/engine/build.ts";
import { compileModule } from "../../host-tools/engine/bytecode.ts";
import { packageRoot } from "../../host-tools/engine/paths.ts";
import { readRecipe } from "../../host-tools/engine/recipe.ts";

const run = promisify(execFile);
const mainFile = join(packageRoot, "test", "perf", "native-main.c");

/** As for WebAssembly, but for the options that only that target has. */
const flags = (
  "-m32 -O2 -fno-common -w -D_GNU_SOURCE -DmxMetering=1 -DmxRun=1 -DmxBoundsCheck=1 " +
  '-DINCLUDE_XSPLATFORM -DXSPLATFORM="xs-platform.h" -Iown -Iincludes -Iplatforms -Isources'
).split(" ");

/** Million codes per second of each program, or why there are none. */
export async function nativeRates(
  engine: Engine,
  programs: Readonly<Record<string, string>>,
): Promise<Record<string, number> | string> {
  const folder = mkdtempSync(join(tmpdir(), "godwit-native-"));
  try {
    writeFileSync(join(folder, "probe.c"), "#include <stdio.h>\nint main(void) { return 0; }\n");
    try {
      await run("gcc", ["-m32", "probe.c", "-o", "probe"], { cwd: folder });
    } catch {
      return "skipped: gcc -m32 is not installed (Debian: gcc-multilib)";
    }
    await build(folder);
    const rates: Record<string, number> = {};
    for (const [name, source] of Object.entries(programs))
      rates[name] = await rate(folder, engine, source);
    return rates;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function build(folder: string): Promise<void> {
  const recipe = readRecipe();
  for (const [path, text] of Object.entries(recipe.headers)) {
    mkdirSync(join(folder, dirname(path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  const objects = recipe.objects.board;
  const queue = recipe.units.filter((unit) => objects.includes(unit.name));
  const names = queue.map((unit) => `${unit.name}.o`);
  const compileNext = async (): Promise<void> => {
    for (let unit = queue.shift(); unit; unit = queue.shift()) {
      writeFileSync(join(folder, `${unit.name}.c`), unit.source);
      await run("gcc", [...flags, "-c", `${unit.name}.c`], { cwd: folder });
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, compileNext));
  const link = ["-m32", "-O2", "-w", mainFile, ...names, "-lm", "-lpthread", "-o", "native"];
  await run("gcc", link, { cwd: folder });
}

/** The best of three runs: other work on the machine can only make it slower. */
async function rate(folder: string, engine: Engine, source: string): Promise<number> {
  const loop = `const bench = () => { ${source} }; for (let k = 0; k < 5; k++) bench();`;
  writeFileSync(
    join(folder, "main.xsb"),
    compileModule(engine, { specifier: "main", source: loop }),
  );
  let best = 0;
  for (let round = 0; round < 3; round++) {
    const { stdout } = await run(join(folder, "native"), ["main.xsb"], { cwd: folder });
    const { codes, seconds } = JSON.parse(stdout) as { codes: number; seconds: number };
    best = Math.max(best, codes / seconds / 1e6);
  }
  return best;
}
