// `godwit sim --virtual`: days in seconds, in a simulated world that its seed repeats exactly.
import { basename } from "node:path";
import { compileApp } from "../../engine/app.ts";
import { xsBoards } from "../../sim/virtual-board.ts";
import { type RunSummary, VirtualRun } from "../../sim/virtual-run.ts";
import { exitCodes, UserError } from "../../user-error.ts";
import type { Context } from "../command.ts";
import { engineWithProgress } from "./engine-progress.ts";
import type { SimOptions } from "./options.ts";

/** Runs the app for `options.days` virtual days. @throws UserError (exit 1) when an invariant broke. */
export async function simulateVirtually(
  context: Context,
  appDir: string,
  options: SimOptions,
): Promise<void> {
  const { output } = context;
  const { seed, days, boards, method } = options;
  const interrupted = context.interrupted();
  const engine = await engineWithProgress(output);
  const app = await compileApp(engine, appDir);
  const progress = output.progress(`${days} days of ${basename(appDir)} × ${boards}, seed ${seed}`);
  const run = new VirtualRun({
    ...{ seed, days, boards, method },
    name: basename(appDir),
    makeBoard: xsBoards(engine, app),
    onDay: (report) => {
      progress.update(
        Math.min(1, report.day / days),
        `day ${report.day}, ${report.speedup} × real time`,
      );
      output.result("day", { ...report }, "");
    },
  });
  const summary = await run.run(interrupted);
  progress.end(interrupted.aborted ? "interrupted" : `${days} days simulated`);
  const { heapBytes: _, violations, ...figures } = summary;
  for (const text of violations) output.result("violation", { text }, `broken: ${text}`);
  output.summary(figures, describe(summary));
  if (violations.length === 0) return;
  throw new UserError(`${violations.length} invariants broke, the first: ${violations[0]}`, {
    code: "invariant",
    exitCode: exitCodes.failed,
    hint: `godwit sim <app> --virtual --days ${days} --seed ${seed} --boards ${boards} runs the same again`,
  });
}

function describe(summary: RunSummary): string {
  return (
    `${summary.daysRun} days, ${summary.connected} of ${summary.boards} boards connected, ${summary.d2cAcked} messages ` +
    `(${summary.d2cBytes} bytes, ${summary.duplicates} twice), ${summary.twinPatches} twin patches, ` +
    `${summary.methods} methods, ${summary.outages} outages, ${summary.failOvers} fail-overs, ` +
    `${summary.powerCuts} power cuts, ${summary.clockJumps} clock jumps, ${summary.errors} errors; ` +
    `trace ${summary.traceHash.slice(0, 16)}, ${summary.speedup} × real time`
  );
}
