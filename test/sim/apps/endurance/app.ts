/** A device that counts: every message has a number of its own, and the log says what became of it. */
import { decodeUtf8, encodeUtf8 } from "godwit/codec/utf8";
import { createDevice } from "godwit/device";
import type { Device } from "godwit/device/types";
import { defineModel } from "godwit/model/define";
import type { Platform } from "godwit/ports/platform";

const model = defineModel({
  id: "dtmi:com:godwit:test:Endurance;1",
  telemetry: {
    boot: { type: "integer", min: 0 },
    count: { type: "integer", min: 0 },
  },
  properties: {
    sendIntervalS: {
      type: "integer",
      unit: "second",
      min: 10,
      max: 600,
      writable: true,
      default: 60,
    },
    label: { type: "string", writable: true, default: "" },
    sent: { type: "integer" },
  },
  commands: {
    getState: {
      response: {
        type: "object",
        fields: {
          sendIntervalS: { type: "integer" },
          label: { type: "string" },
          sent: { type: "integer" },
        },
      },
    },
  },
});

const bootKey = "boots";
const reportIntervalMs = 600_000;
/** Renewed at 75 to 85 % of it: every 45 minutes on average. */
const tokenLifeS = 3375;

export function startEndurance(platform: Platform): Device<typeof model> {
  const boot = 1 + bootsBefore(platform);
  platform.storage.write(bootKey, encodeUtf8(`${boot}`));
  let count = 0;
  const device: Device<typeof model> = createDevice(model, platform, {
    connection: { tokenLifeS },
    desired: {
      sendIntervalS: (value) => {
        sending.intervalMs = value * 1000;
      },
    },
    commands: {
      getState: () => ({
        sendIntervalS: device.get("sendIntervalS") ?? 0,
        label: device.get("label") ?? "",
        sent: device.get("sent") ?? 0,
      }),
    },
  });
  const sending = device.every(60_000, () => {
    const id = `${boot} ${++count}`;
    const isTaken = device.send({ boot, count }, (outcome) =>
      platform.log("info", `${outcome} ${id}`),
    );
    platform.log("info", `${isTaken ? "queued" : "refused"} ${id}`);
  });
  device.every(reportIntervalMs, () => device.report({ sent: count }));
  device.start();
  return device;
}

function bootsBefore(platform: Platform): number {
  const stored = platform.storage.read(bootKey);
  return stored ? Number(decodeUtf8(stored)) : 0;
}
