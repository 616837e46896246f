// The one way to an engine: built when stale, kept for the process.
import { type BuildOptions, type BuildProgress, buildEngine, type Engine } from "./build.ts";

let engine: Promise<Engine> | undefined;

/** The engine from the default cache, built if needed. @throws UserError when it cannot be built. */
export function ensureEngine(onProgress?: BuildOptions["onProgress"]): Promise<Engine> {
  engine ??= buildEngine(onProgress ? { onProgress } : {}).catch((error) => {
    engine = undefined;
    throw error;
  });
  return engine;
}

interface ProgressStream {
  isTTY?: boolean;
  write(text: string): unknown;
}

/** Progress for people: a bar on a terminal, a line per ten percent elsewhere. Nothing for a cached engine. */
export function progressReporter(
  stream: ProgressStream = process.stderr,
): (progress: BuildProgress) => void {
  let lastTenth = 0;
  const barWidth = 30;
  return ({ done, total, name }) => {
    const share = done / total;
    if (stream.isTTY) {
      const filled = Math.round(share * barWidth);
      const bar = "#".repeat(filled) + "-".repeat(barWidth - filled);
      const end = done === total ? "\n" : "";
      stream.write(`\rbuilding the engine [${bar}] ${done}/${total} ${name.padEnd(12)}${end}`);
      return;
    }
    const tenth = Math.floor(share * 10);
    if (tenth > lastTenth)
      stream.write(`building the engine: ${tenth * 10} % (${done}/${total})\n`);
    lastTenth = Math.max(lastTenth, tenth);
  };
}
