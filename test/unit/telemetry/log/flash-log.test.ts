// The flash log in situations that need arranging; the promises are those of firmware/telemetry/log/SPEC.md.
import { test } from "vitest";
import { FlashLog } from "../../../../firmware/telemetry/log/flash-log.ts";
import { allChecks } from "../../../support/log-bound-checks.ts";

for (const [name, check] of Object.entries(allChecks)) {
  test(name, () => check((options) => new FlashLog(options)));
}
