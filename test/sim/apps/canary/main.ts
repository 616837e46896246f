/// <reference path="../../../../firmware/platform/sdk.d.ts" />
/** A device that counts what it sends and what was acknowledged, and breaks in the way it is asked to. */
import { createDevice } from "godwit/device";
import { defineModel } from "godwit/model/define";
import { createPlatform } from "godwit/platform/board";
import Timer from "timer";

const model = defineModel({
  id: "dtmi:com:example:Canary;1",
  telemetry: { n: { type: "integer" }, acked: { type: "integer" }, lost: { type: "integer" } },
  properties: { song: { type: "integer", writable: true, default: 0, min: 0, max: 100 } },
  commands: {
    break: {
      request: {
        type: "enum",
        values: ["handler", "outside", "runaway", "native", "memory", "stack", "restart"],
      },
    },
  },
});

const platform = createPlatform();
let sent = 0;
let acked = 0;
let lost = 0;

function deep(depth: number): number {
  return 1 + deep(depth + 1);
}

/** Outside any handler: nothing of godwit is on the stack that could catch. */
function later(action: () => void): void {
  Timer.set(action, 0);
}

const breakages: Record<string, () => void> = {
  handler: () => {
    throw new Error("thrown in a handler");
  },
  outside: () =>
    later(() => {
      throw new Error("thrown in a timer");
    }),
  runaway: () => {
    for (;;);
  },
  // Four billion holes: a few codes for the meter, minutes for the engine.
  native: () => {
    const holes: number[] = [];
    holes.length = 2 ** 32 - 1;
    holes.indexOf(7);
  },
  memory: () => {
    const all: object[] = [];
    for (;;) all.push({});
  },
  stack: () => void deep(0),
  restart: () => later(() => platform.restart()),
};

const device = createDevice(model, platform, {
  desired: {
    song: (value, version) => platform.log("info", `song ${value} version ${version}`),
  },
  commands: { break: (how) => breakages[how]?.() },
});
device.every(1000, () => {
  device.send({ n: sent++, acked, lost }, (outcome) => {
    if (outcome === "acknowledged") acked++;
    else lost++;
  });
});
device.start();
