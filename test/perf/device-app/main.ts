/** A device that does nothing unasked, so that each thing it does can be weighed alone. */
import { createDevice } from "godwit/device";
import { defineModel } from "godwit/model/define";
import { createPlatform } from "godwit/platform/board";

const model = defineModel({
  id: "dtmi:com:example:Scales;1",
  telemetry: {
    temperature: { type: "double", min: -40, max: 85, resolution: 0.01 },
    humidity: { type: "double", min: 0, max: 100, resolution: 0.1 },
    door: { type: "boolean" },
  },
  properties: { target: { type: "double", writable: true, default: 20, min: 5, max: 30 } },
  commands: { echo: { request: { type: "string" }, response: { type: "string" } } },
});

/** Long after the connection has settled, long before its keep-alive. */
const sendAtMs = 60_000;

const platform = createPlatform();
const device = createDevice(model, platform, {
  desired: { target: () => undefined },
  commands: { echo: (text) => text },
});
device.after(sendAtMs, () => {
  device.send({ temperature: 21.53, humidity: 47.1, door: false }, (outcome) =>
    platform.log("info", outcome),
  );
});
device.start();
