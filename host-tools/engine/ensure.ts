// The one way to an engine: built when stale, kept for the process.
import { type BuildOptions, buildEngine, type Engine } from "./build.ts";

let engine: Promise<Engine> | undefined;

/** The engine from the default cache, built if needed. @throws UserError when it cannot be built. */
export function ensureEngine(onProgress?: BuildOptions["onProgress"]): Promise<Engine> {
  engine ??= buildEngine(onProgress ? { onProgress } : {}).catch((error) => {
    engine = undefined;
    throw error;
  });
  return engine;
}
