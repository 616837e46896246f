// Damaged images of the flash log, by seed, in number: mounting never throws and never gives a false record.
import { expect, test } from "vitest";
import { FlashLog } from "../../../firmware/telemetry/log/flash-log.ts";
import { fuzzLog } from "../../support/log-fuzz.ts";
import { seeded } from "../../support/seeded.ts";

test("10,000 damaged images give true records or none, and take new ones", () => {
  const result = fuzzLog((options) => new FlashLog(options), 10_000, seeded("flash images"));
  console.log(`damaged images: ${JSON.stringify(result)}`);
  expect(result.records).toBeGreaterThan(result.images);
});
