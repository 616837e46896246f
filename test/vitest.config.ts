import { defineConfig } from "vitest/config";
import SkipReporter from "./support/skip-reporter.ts";

/** One project per tier; the tier is the driver, not a copy of the test. */
const tiers = {
  house: { timeoutMs: 60_000 },
  unit: { timeoutMs: 30_000 },
  contracts: { timeoutMs: 60_000 },
  xs: { timeoutMs: 120_000 },
  sim: { timeoutMs: 180_000 },
  interop: { timeoutMs: 120_000 },
  long: { timeoutMs: 3_600_000 },
};

export default defineConfig({
  test: {
    maxWorkers: 2,
    reporters: ["default", new SkipReporter()],
    projects: Object.entries(tiers).map(([name, tier]) => ({
      test: {
        name,
        root: new URL("..", import.meta.url).pathname,
        include: [`test/${name}/**/*.test.ts`],
        environment: "node",
        testTimeout: tier.timeoutMs,
        hookTimeout: tier.timeoutMs,
      },
    })),
  },
});
