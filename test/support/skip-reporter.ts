// Names what a run skipped, after everything else: a skip that nobody sees is a hole.
import type { Reporter, TestModule } from "vitest/node";

export default class SkipReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const skipped = modules.flatMap((module) =>
      [...module.children.allTests("skipped")].map((test) => {
        const result = test.result();
        const note = result.state === "skipped" && result.note ? ` (${result.note})` : "";
        return `  ${module.relativeModuleId}: ${test.fullName}${note}`;
      }),
    );
    if (skipped.length > 0) process.stdout.write(`\nskipped here:\n${skipped.join("\n")}\n`);
  }
}
