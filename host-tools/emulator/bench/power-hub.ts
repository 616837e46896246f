// A USB hub with switchable ports, of the honest and of the lying kind.
import type { PowerSwitch } from "../../serial/power.ts";
import type { Wire } from "./wire.ts";

export type HubHonesty = "honest" | "never-off" | "never-on-again";

/** The power of one port of the hub. */
export function hubPort(wire: Wire, honesty: HubHonesty = "honest"): PowerSwitch {
  return {
    async set(isOn) {
      if (isOn && honesty !== "never-on-again") wire.plug();
      else if (!isOn && honesty !== "never-off") wire.unplug();
    },
  };
}
