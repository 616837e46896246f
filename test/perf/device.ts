// What a device costs on XS, in engine meter units: load, connect, one message, one twin patch, one method. Virtual time.
import { join } from "node:path";
import { type CompiledApp, compileApp } from "../../host-tools/engine/app.ts";
import { Board } from "../../host-tools/engine/board.ts";
import type { HeapUse } from "../../host-tools/engine/board-types.ts";
import type { Engine } from "../../host-tools/engine/build.ts";
import { ensureEngine } from "../../host-tools/engine/ensure.ts";
import { packageRoot } from "../../host-tools/engine/paths.ts";
import { PortHost } from "../../host-tools/engine/port-host.ts";
import { NodePlatform } from "../../host-tools/sim/node-platform.ts";
import { World } from "../../host-tools/sim/world.ts";
import { XsBoard } from "../../host-tools/sim/xs-board.ts";
import { deviceConnection, ScriptedHub } from "../support/scripted-hub.ts";

/** Time given to each thing that is weighed; a round trip takes a fraction of it. */
const spanMs = 2000;
/** When the app sends its one message. */
const sendAtMs = 60_000;
const heap = { chunkBytes: 65_536, slots: 8192, stackSlots: 512, keys: 2000, systemBytes: 65_536 };

export interface DeviceFigures {
  /** Meter units. */
  codes: {
    /** Importing all modules; on boards that happens when the image is made. */
    load: number;
    /** Main module: model, device, first connection attempt. */
    start: number;
    /** TLS open to twin applied: CONNECT, SUBSCRIBE, twin GET, first report. */
    connect: number;
    /** Sample to PUBACK. */
    telemetryMessage: number;
    /** Desired patch to acknowledged report. */
    twinPatch: number;
    /** Request to response. */
    directMethod: number;
    /** The same time with nothing to do. */
    idle: number;
    /** A minute of the thermostat: 60 measurements, 12 messages, reports. */
    thermostatMinute: number;
  };
  bytesOnWire: { telemetryPayload: number };
  heapBytes: { device: HeapParts; thermostat: HeapParts };
}

interface HeapParts {
  baseline: number;
  loading: number;
  running: number;
  /** Highest so far, garbage included. */
  runningPeak: number;
}

/** A board of an app in a world of its own, switched on. */
class Scene {
  readonly world = new World({ seed: 5, network: { jitterMs: 0 } });
  readonly hub = new ScriptedHub(this.world);
  readonly log: string[] = [];
  readonly board: XsBoard;

  constructor(engine: Engine, app: CompiledApp) {
    const log = (_level: string, text: string) => void this.log.push(text);
    const world = new NodePlatform(this.world, { name: "dev1", onLog: log });
    world.storage.write("hub.conn", new TextEncoder().encode(deviceConnection));
    this.board = new XsBoard({ engine, app, heap, log: world.log, createWorld: () => world });
    this.board.powerOn();
  }

  /** Meter units of what `action` sets off. @throws Error unless `happened` holds at the end */
  weigh(happened: () => boolean, action: () => void = () => undefined): number {
    const before = this.board.meter;
    action();
    this.world.clock.runFor(spanMs);
    if (happened()) return this.board.meter - before;
    throw new Error(`it did not happen; the device's log:\n${this.log.join("\n")}`);
  }

  heapParts(): HeapParts {
    this.board.board?.collectGarbage();
    const { baseline, loaded, running } = this.board.heap() as Record<string, HeapUse>;
    return {
      baseline: baseline!.bytes,
      loading: loaded!.bytes,
      running: running!.bytes,
      runningPeak: running!.bytesPeak,
    };
  }
}

function loadCodes(engine: Engine, app: CompiledApp): number {
  const { clock, timers, network, random, storage } = new NodePlatform(new World({ seed: 1 }), {
    name: "dev1",
  });
  const log = () => undefined;
  const host = new PortHost({ clock, timers, network, random, log, storage: () => storage });
  const board = Board.create(engine, { modules: app.modules, host, heap });
  host.attach(board);
  const before = board.meter;
  const status = board.load(app.preload);
  if (status.state === "aborted") throw new Error(status.message);
  return board.meter - before;
}

/** Figures of one run; equal in every run of one engine and one firmware. */
export async function run(): Promise<DeviceFigures> {
  const engine = await ensureEngine();
  const app = await compileApp(engine, join(packageRoot, "test", "perf", "device-app"));
  const scene = new Scene(engine, app);
  const { hub, world, board } = scene;
  const load = loadCodes(engine, app);
  const start = board.meter - load;
  const connect = scene.weigh(() => hub.gets === 1 && "target" in hub.reported);
  const idle = scene.weigh(() => true);
  world.clock.runFor(sendAtMs - spanMs / 2 - world.clock.nowMs);
  const telemetryMessage = scene.weigh(() => scene.log.includes("acknowledged"));
  const twinPatch = scene.weigh(
    () => (hub.reported.target as { av?: number } | undefined)?.av === 2,
    () => hub.patchDesired({ target: 24 }),
  );
  let rid = "";
  const directMethod = scene.weigh(
    () => hub.answerTo(rid)?.status === 200,
    () => {
      rid = hub.callMethod("echo", '"hello"');
    },
  );
  const thermostat = await thermostatScene(engine);
  return {
    codes: {
      ...{ load, start, connect, telemetryMessage, twinPatch, directMethod, idle },
      thermostatMinute: thermostat.minute,
    },
    bytesOnWire: { telemetryPayload: hub.telemetry[0]?.payload.length ?? 0 },
    heapBytes: { device: scene.heapParts(), thermostat: thermostat.scene.heapParts() },
  };
}

async function thermostatScene(engine: Engine): Promise<{ scene: Scene; minute: number }> {
  const app = await compileApp(engine, join(packageRoot, "firmware", "apps", "thermostat"));
  const scene = new Scene(engine, app);
  scene.world.clock.runFor(60_000);
  const before = scene.board.meter;
  scene.world.clock.runFor(60_000);
  return { scene, minute: scene.board.meter - before };
}
