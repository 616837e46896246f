// Two builds from nothing give the same bytes, and say nothing that is not asked. Takes two full compilations.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { ensureEngine } from "../../../host-tools/engine/ensure.ts";
import { packageRoot } from "../../../host-tools/engine/paths.ts";

const builder = pathToFileURL(join(packageRoot, "build", "host-tools", "engine", "build.js"));

test("the engine is reproducible to the byte, and its build leaves stdout to results", async () => {
  const engine = await ensureEngine();
  const cacheDir = mkdtempSync(join(tmpdir(), "godwit-build-"));
  const script = `
    import { buildEngine } from ${JSON.stringify(builder.href)};
    const { hash, compiled } = await buildEngine({ cacheDir: ${JSON.stringify(cacheDir)} });
    console.log(JSON.stringify({ hash, compiled }));`;
  try {
    // A process of its own: what the compiler's threads print would be seen.
    const file = join(cacheDir, "build.mjs");
    writeFileSync(file, script);
    const stdout = execFileSync(process.execPath, [file], { encoding: "utf8" });
    const { hash, compiled } = JSON.parse(stdout) as { hash: string; compiled: number };
    expect(compiled).toBeGreaterThan(40);
    expect(hash).toBe(engine.hash);
  } finally {
    rmSync(cacheDir, { recursive: true, force: true });
  }
});
