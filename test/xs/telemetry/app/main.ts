/** Sends readings as CBOR rows, tells their fates, restarts itself once. */
import { createDevice } from "godwit/device";
import { defineModel } from "godwit/model/define";
import { createPlatform } from "godwit/platform/board";
import { batched } from "godwit/telemetry/batched";
import { cborRows } from "godwit/telemetry/cbor-rows";

const model = defineModel({
  id: "dtmi:com:example:Counter;1",
  telemetry: { uptimeS: { type: "integer" }, alarm: { type: "boolean", priority: "critical" } },
});

const platform = createPlatform();
const device = createDevice(model, platform, {
  telemetry: batched(cborRows(), { limits: { normalAgeMs: 10_000 } }),
});
let count = 0;
device.every(1000, () => {
  count++;
  device.send({ uptimeS: count, ...(count === 5 && { alarm: true }) }, (outcome) =>
    platform.log("info", `${count >= 5 ? "late" : "early"} ${outcome}`),
  );
  if (count === 35) device.restart();
});
device.start();
