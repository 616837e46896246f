// Blink: the cloud sets the period, the device shows its LED as a reported property.
import { createDevice } from "godwit/device";
import type { Device } from "godwit/device/types";
import type { Platform } from "godwit/ports/platform";
import { Led } from "./led.ts";
import { model } from "./model.ts";

export function startBlink(platform: Platform, led: Led = new Led()): Device<typeof model> {
  const device = createDevice(model, platform, {
    desired: {
      periodMs: (value) => {
        blinking.intervalMs = value / 2;
      },
    },
  });
  const blinking = device.every(1000, () => device.report({ led: led.toggle() }));
  device.start();
  return device;
}
