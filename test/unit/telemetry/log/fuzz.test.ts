// Damaged images of the flash log, by seed: mounting never throws and never gives a record that was not stored.
import { expect, test } from "vitest";
import { FlashLog } from "../../../../firmware/telemetry/log/flash-log.ts";
import { fuzzLog } from "../../../support/log-fuzz.ts";
import { seeded } from "../../../support/seeded.ts";

test("a damaged image gives true records or none, and takes new ones", () => {
  const result = fuzzLog((options) => new FlashLog(options), 300, seeded("flash images"));
  console.log(`damaged images: ${JSON.stringify(result)}`);
  expect(result.records).toBeGreaterThan(result.images);
  expect(result.events).toBeGreaterThan(result.images / 4);
});
