// Two builds from nothing give the same bytes. Takes two full compilations.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { buildEngine } from "../../../host-tools/engine/build.ts";
import { ensureEngine } from "../../../host-tools/engine/ensure.ts";

test("the engine is reproducible to the byte", async () => {
  const engine = await ensureEngine();
  const cacheDir = mkdtempSync(join(tmpdir(), "godwit-build-"));
  try {
    const again = await buildEngine({ cacheDir });
    expect(again.compiled).toBeGreaterThan(40);
    expect(again.hash).toBe(engine.hash);
  } finally {
    rmSync(cacheDir, { recursive: true, force: true });
  }
});
