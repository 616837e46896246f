// Options of a running hub without one are refused: a fleet would start a hub of its own and ignore them.
import { expect, test } from "vitest";
import { openHub } from "../../../host-tools/cli/sim/hub-for-fleet.ts";

const options = { boards: 1, seed: 1, days: 1, method: "getState" };

test.each([
  ["--ca", { ca: "ca.pem" }],
  ["--mqtt-port", { mqttPort: 8884 }],
])("%s without --hub is refused", async (name, given) => {
  const opened = openHub({ ...options, ...given }, { env: {}, cwd: "." });
  await expect(opened).rejects.toMatchObject({
    message: expect.stringContaining(name),
    hint: expect.stringContaining("--hub"),
    exitCode: 2,
  });
});
