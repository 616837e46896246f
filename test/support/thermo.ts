// A small device under test: model, simulated board and scripted hub, wired together in virtual time.
import { createDevice } from "godwit/device";
import type { DeviceOptions } from "godwit/device/types";
import { defineModel } from "godwit/model/define";
import { refuse } from "godwit/twin/refusal";
import { NodePlatform, type Persistent } from "../../host-tools/sim/node-platform.ts";
import { World } from "../../host-tools/sim/world.ts";
import { deviceConnection, ScriptedHub } from "./scripted-hub.ts";
import { runWorld } from "./virtual-time.ts";

export const thermoModel = defineModel({
  id: "dtmi:com:example:Thermo;1",
  telemetry: {
    temperature: { type: "double", unit: "degreeCelsius", min: -40, max: 85, resolution: 0.1 },
    door: { type: "boolean" },
  },
  properties: {
    target: { type: "double", writable: true, default: 21, min: 5, max: 30 },
    mode: { type: "enum", values: ["heat", "cool"], writable: true },
    place: {
      type: "object",
      writable: true,
      fields: { room: { type: "string", maxLength: 10 }, floor: { type: "integer" } },
    },
    serial: { type: "string" },
    uptime: { type: "integer" },
  },
  commands: {
    reboot: { request: { type: "integer", min: 0, max: 60 } },
    echo: { request: { type: "string" }, response: { type: "string" } },
    slow: { response: { type: "integer" } },
    fail: {},
  },
});

export type Thermo = typeof thermoModel;

export interface RigOptions {
  seed?: number;
  world?: World;
  hub?: ScriptedHub;
  persistent?: Persistent;
  device?: Partial<DeviceOptions<Thermo>>;
  isProvisioned?: boolean;
}

/** One life of a board with its device. */
export class Rig {
  readonly world: World;
  readonly hub: ScriptedHub;
  readonly board: NodePlatform;
  readonly log: string[] = [];
  readonly applied: [name: string, value: unknown, version: number][] = [];
  readonly device;
  /** Resolves the pending answer of command `slow`. */
  finishSlow: ((value: number) => void) | undefined;

  constructor(options: RigOptions = {}) {
    this.world = options.world ?? new World({ seed: options.seed ?? 1 });
    this.hub = options.hub ?? new ScriptedHub(this.world);
    this.board = new NodePlatform(this.world, {
      name: "dev1",
      ...(options.persistent && { persistent: options.persistent }),
      onLog: (level, text) => this.log.push(`${level}: ${text}`),
    });
    if (options.isProvisioned !== false) {
      this.board.storage.write("hub.conn", new TextEncoder().encode(deviceConnection));
    }
    const note = (name: string) => (value: unknown, version: number) => {
      this.applied.push([name, value, version]);
    };
    this.device = createDevice(thermoModel, this.board, {
      desired: {
        target: (value, version) => {
          this.applied.push(["target", value, version]);
          return value === 13 ? refuse(409, "unlucky") : undefined;
        },
        mode: note("mode"),
        place: note("place"),
      },
      commands: {
        reboot: () => {},
        echo: (text) => (text === "no" ? refuse(409, "not now") : text),
        slow: () => new Promise((resolve) => (this.finishSlow = resolve)),
        fail: () => {
          throw new Error("broken relay");
        },
      },
      ...options.device,
    });
  }

  start(): this {
    this.device.start();
    return this;
  }

  /** Lets virtual time pass; promises settle in between. */
  run(durationMs: number): Promise<void> {
    return runWorld(this.world, durationMs);
  }
}
