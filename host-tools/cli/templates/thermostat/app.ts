// The thermostat: measures every second, heats towards the target, tells the cloud every five seconds.
import { createDevice } from "godwit/device";
import type { Device } from "godwit/device/types";
import type { Platform } from "godwit/ports/platform";
import { model } from "./model.ts";
import { Room, shouldHeat } from "./room.ts";

const measureIntervalMs = 1000;
const sendIntervalMs = 5000;
/** The answer to the command leaves before the board restarts. */
const restartDelayMs = 1000;

export function startThermostat(platform: Platform): Device<typeof model> {
  const room = new Room();
  let target = 20;
  let isHeating = false;

  const device = createDevice(model, platform, {
    desired: {
      targetTemperature: (value) => {
        target = value;
      },
    },
    commands: {
      restart: () => {
        device.after(restartDelayMs, () => platform.restart());
      },
    },
    onMessage: (message) => platform.log("info", `the cloud says: ${message.text}`),
  });

  device.every(measureIntervalMs, () => {
    room.step(isHeating, measureIntervalMs / 1000);
    isHeating = shouldHeat(room.temperature, target, isHeating);
    device.report({ heating: isHeating });
  });
  device.every(sendIntervalMs, () => {
    device.send({ temperature: room.temperature });
  });
  device.start();
  return device;
}
