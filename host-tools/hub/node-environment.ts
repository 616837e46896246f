// The hub's world on a PC: Node's clock, timers and randomness.
import { randomFillSync } from "node:crypto";
import type { HubEnvironment } from "./core/environment.ts";

/** Real time, real randomness. Timers do not keep the process alive: listeners do. */
export const nodeEnvironment: HubEnvironment = {
  nowMs: () => Date.now(),
  timers: {
    start: (delayMs, callback) => setTimeout(callback, delayMs).unref(),
    stop: (handle) => clearTimeout(handle as NodeJS.Timeout),
  },
  random: {
    fill: (target) => {
      randomFillSync(target);
    },
  },
};
