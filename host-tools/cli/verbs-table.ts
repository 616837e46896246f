// The verbs: name, one line of help, and the module that is loaded when the verb is used.
import type { Verb } from "./command.ts";

export const verbs: Readonly<Record<string, Verb>> = {
  init: {
    summary: "start a new project from a template that runs at once",
    load: () => import("./commands/init.ts"),
  },
  sim: {
    summary: "run an app on simulated boards: real XS engine, real or virtual time",
    load: () => import("./commands/sim.ts"),
  },
  hub: {
    summary: "run a local IoT Hub, and manage its devices",
    load: () => import("./commands/hub.ts"),
  },
  telemetry: {
    summary: "encode recordings, decode and export what devices send, and bill it",
    load: () => import("./commands/telemetry.ts"),
  },
  engine: {
    summary: "build the XS engine that simulation runs on",
    load: () => import("./commands/engine.ts"),
  },
  doctor: {
    summary: "check this machine and say what to do",
    load: () => import("./commands/doctor.ts"),
  },
  devices: {
    summary: "list attached boards without disturbing them",
    load: () => import("./commands/devices.ts"),
  },
  flash: {
    summary: "put firmware on a board, verified; read, erase, identify",
    load: () => import("./commands/flash.ts"),
  },
  monitor: {
    summary: "watch a board's output, decoded",
    load: () => import("./commands/monitor.ts"),
  },
  nvs: {
    summary: "settings and credentials as a flash partition",
    load: () => import("./commands/nvs.ts"),
  },
  partitions: {
    summary: "show and convert partition tables",
    load: () => import("./commands/partitions.ts"),
  },
  image: {
    summary: "what a firmware file is",
    load: () => import("./commands/image.ts"),
  },
  bench: {
    summary: "virtual boards with real bootloaders",
    load: () => import("./commands/bench.ts"),
  },
};
