// The flash log in situations that need arranging; the promises are those of firmware/telemetry/log/SPEC.md.
import { test } from "vitest";
import { FlashLog } from "../../../../firmware/telemetry/log/flash-log.ts";
import { checks } from "../../../support/log-checks.ts";

for (const [name, check] of Object.entries(checks)) {
  test(name, () => check((options) => new FlashLog(options)));
}
