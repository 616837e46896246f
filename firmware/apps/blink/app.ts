/** Blink: the smallest device. The cloud sets the period, the device shows its LED as a reported property. */
import { createDevice } from "godwit/device";
import type { Device } from "godwit/device/types";
import type { Platform } from "godwit/ports/platform";
import { blinkModel } from "./model.ts";

/** `setLed` drives the pin; a board without one leaves it out. */
export function startBlink(
  platform: Platform,
  setLed?: (isOn: boolean) => void,
): Device<typeof blinkModel> {
  let isOn = false;
  const device = createDevice(blinkModel, platform, {
    desired: {
      periodMs: (value) => {
        blinking.intervalMs = value / 2;
      },
    },
  });
  const blinking = device.every(1000, () => {
    isOn = !isOn;
    setLed?.(isOn);
    device.report({ led: isOn });
  });
  device.start();
  return device;
}
