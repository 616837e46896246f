// Entry of the `godwit` command: process wiring only.
import { packageVersion } from "./package-root.ts";
import { run } from "./run.ts";
import { verbs } from "./verbs-table.ts";

let controller: AbortController | undefined;

/** First signal: the command ends in order. Second signal: it ends now. */
function interrupted(): AbortSignal {
  if (controller) return controller.signal;
  const made = new AbortController();
  controller = made;
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.on(signal, () => (made.signal.aborted ? process.exit(130) : made.abort()));
  return made.signal;
}

// A reader that has seen enough (`| head`) is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

const exitCode = await run(process.argv.slice(2), {
  verbs,
  version: packageVersion(),
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  cwd: process.cwd(),
  interrupted,
});
// Waits for both pipes, then leaves even when a library holds a handle open.
process.stdout.write("", () => process.stderr.write("", () => process.exit(exitCode)));
