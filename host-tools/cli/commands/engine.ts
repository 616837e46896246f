// `godwit engine build`: the XS engine from npm sources, cached; tests and simulation need it.
import type { Command } from "commander";
import type { Context } from "../command.ts";

const mebibyte = 1024 * 1024;

async function build(context: Context, cacheDir: string | undefined): Promise<void> {
  const { output } = context;
  const { buildEngine } = await import("../../engine/build.ts");
  const startMs = performance.now();
  // A bar for a build that is cached would only flicker: it begins with the first report.
  let progress: ReturnType<typeof output.progress> | undefined;
  const engine = await buildEngine({
    ...(cacheDir !== undefined && { cacheDir }),
    onProgress: ({ done, total, name }) => {
      progress ??= output.progress("building the XS engine");
      progress.update(done / total, name);
    },
  });
  const seconds = (performance.now() - startMs) / 1000;
  progress?.end(`the XS engine is built (${seconds.toFixed(1)} s)`);
  const bytes = engine.boardWasm.length + engine.compilerWasm.length;
  output.result(
    "engine",
    { hash: engine.hash, cacheDir: engine.cacheDir, compiled: engine.compiled, bytes, seconds },
    `engine ${engine.hash.slice(0, 12)}, ${(bytes / mebibyte).toFixed(1)} MiB, in ${engine.cacheDir}`,
  );
}

/** Adds the verb. */
export function register(command: Command, context: Context): void {
  command
    .command("build")
    .description("build what is not cached")
    .option("--cache <dir>", "where objects and modules are kept")
    .action((options: { cache?: string }) => build(context, options.cache));
}
