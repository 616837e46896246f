// A device that sends batches, its board and a scripted hub in virtual time; and what a consumer makes of its messages.
import { createDevice } from "godwit/device";
import { defineModel } from "godwit/model/define";
import { batchLimitsProperty } from "godwit/telemetry/batch-limits";
import { batched } from "godwit/telemetry/batched";
import { deltaEncoding } from "godwit/telemetry/delta-batches";
import type { OpenTelemetry } from "godwit/telemetry/path";
import { decodeBag } from "../../firmware/connection/bag.ts";
import type { ModelSpec } from "../../firmware/model/types.ts";
import { NodePlatform, type Persistent } from "../../host-tools/sim/node-platform.ts";
import { MemoryKeyValue, NorFlash } from "../../host-tools/sim/storage.ts";
import { World } from "../../host-tools/sim/world.ts";
import { StreamDecoder } from "../../host-tools/telemetry/decode-stream.ts";
import type { Row } from "../../host-tools/telemetry/rows.ts";
import { countBoots } from "./first-boot.ts";
import { deviceConnection, ScriptedHub, type Telemetry } from "./scripted-hub.ts";
import { runWorld } from "./virtual-time.ts";

export const machineModel = defineModel({
  id: "dtmi:com:example:Machine;1",
  telemetry: {
    alarm: { type: "boolean", priority: "critical" },
    temperature: { type: "double", min: -40, max: 900, resolution: 0.1 },
    load: { type: "integer", deadband: 5 },
    vibration: { type: "double", epsilon: 0.01, priority: "bulk" },
    torque: { type: "double", priority: "bulk" },
    flow: { type: "double", priority: "bulk" },
    noise: { type: "double", priority: "bulk" },
  },
  properties: { batchLimits: batchLimitsProperty },
});

export interface BatchingRigOptions {
  /** What an earlier life of the board left. */
  before?: BatchingRig;
  /** Another life in the same world, of which this one knows nothing. */
  beside?: BatchingRig;
  telemetry?: OpenTelemetry;
  /** False: the board wakes in 1970. */
  clockKnown?: boolean;
  flashSectors?: number;
  /** True: nothing of this is counted in storage: a board whose storage was erased. */
  forgetsBoots?: boolean;
}

/** One life of a board. */
export class BatchingRig {
  readonly world: World;
  readonly hub: ScriptedHub;
  readonly board: NodePlatform;
  readonly device;
  readonly log: string[] = [];
  restarts = 0;

  constructor(options: BatchingRigOptions = {}) {
    const { before, telemetry, clockKnown = true, flashSectors = 64, forgetsBoots } = options;
    this.world = before?.world ?? options.beside?.world ?? new World({ seed: 1 });
    this.hub = before?.hub ?? options.beside?.hub ?? new ScriptedHub(this.world);
    const persistent: Persistent = before?.board.persistent ?? {
      storage: new MemoryKeyValue(),
      flash: new NorFlash(flashSectors * 4096),
    };
    this.board = new NodePlatform(this.world, {
      name: "dev1",
      clockKnown,
      persistent,
      onLog: (level, text) => this.log.push(`${level}: ${text}`),
      onRestart: () => {
        this.restarts++;
        this.board.powerOff();
      },
    });
    if (!before && !forgetsBoots) countBoots(this.board.storage);
    this.board.storage.write("hub.conn", new TextEncoder().encode(deviceConnection));
    this.device = createDevice(machineModel, this.board, {
      telemetry: telemetry ?? batched(deltaEncoding()),
    });
  }

  start(): this {
    this.device.start();
    return this;
  }

  run(durationMs: number): Promise<void> {
    return runWorld(this.world, durationMs);
  }
}

/** A message as the hub hands it on. */
function eventOf({ bag, payload }: Telemetry): string {
  const properties = Object.fromEntries(decodeBag(bag));
  const system: Record<string, string | null> = {};
  const names = { "$.ct": "content-type", "$.ce": "content-encoding" };
  for (const [short, long] of Object.entries(names)) {
    if (short in properties) system[long] = properties[short] ?? "";
    delete properties[short];
  }
  return JSON.stringify({
    deviceId: "dev1",
    bodyBase64: Buffer.from(payload).toString("base64"),
    properties,
    systemProperties: system,
  });
}

/** What a consumer gets: rows by time, and the proof of what is missing or came twice. */
export async function consume(telemetry: readonly Telemetry[], model: ModelSpec = machineModel) {
  const damaged: string[] = [];
  const decoder = new StreamDecoder({
    source: "hub",
    model,
    onDamaged: ({ message }) => damaged.push(message),
  });
  async function* chunks() {
    for (const message of telemetry) yield Buffer.from(`${eventOf(message)}\n`);
  }
  const rows: Row[] = [];
  for await (const row of decoder.rows(chunks())) rows.push(row);
  for (const row of rows) decoder.bootTimes.complete(row);
  return { rows, damaged, report: decoder.delivery.report() };
}
