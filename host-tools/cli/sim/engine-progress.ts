// The engine is built once per clone; whoever waits for it sees why.
import { ensureEngine } from "../../engine/ensure.ts";
import type { Output } from "../output.ts";

export async function engineWithProgress(output: Output) {
  let progress: ReturnType<Output["progress"]> | undefined;
  const engine = await ensureEngine(({ done, total, name }) => {
    progress ??= output.progress("building the XS engine (once)");
    progress.update(done / total, name);
  });
  progress?.end("the XS engine is built");
  return engine;
}
