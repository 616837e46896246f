// A fleet of XS boards in worker threads against an own hub over loopback TLS, and a way to wait for what happens.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CompiledApp } from "../../host-tools/engine/app.ts";
import type { HeapSize } from "../../host-tools/engine/board-types.ts";
import { ensureEngine } from "../../host-tools/engine/ensure.ts";
import { type RunningHub, startHub } from "../../host-tools/hub/hub.ts";
import { HttpsClient } from "../../host-tools/hub/service-client.ts";
import { Fleet, type FleetEvent } from "../../host-tools/sim/fleet.ts";
import { FleetHub, type HubFleetEvent } from "../../host-tools/sim/fleet-hub.ts";
import {
  connectionStringCredentials,
  groupCredentials,
  type StorageEntries,
} from "../../host-tools/sim/provision.ts";
import { nodeDigestPort } from "../../host-tools/sim/real-platform.ts";

export interface FleetSetup {
  app: CompiledApp;
  ids: readonly string[];
  apps?: ReadonlyMap<string, CompiledApp>;
  workers?: number;
  turnMsMax?: number;
  heap?: HeapSize;
  /** Boards that are in the registry already, instead of coming through an enrollment group. */
  isDirect?: boolean;
  /** Other credentials than the right ones, by board id. */
  credentials?: (hubHost: string) => ReadonlyMap<string, StorageEntries>;
  /** Runs when the hub is there and the boards have no power yet. */
  before?: (cloud: FleetHub) => Promise<void>;
}

/** Far beyond anything a loaded machine needs. */
const untilMsMax = 60_000;
const lastEvents = 30;

export type RigEvent = FleetEvent | HubFleetEvent;
export const fleetHeap: HeapSize = {
  chunkBytes: 32_768,
  slots: 9000,
  stackSlots: 1024,
  keys: 1500,
};

export class FleetRig {
  readonly hub: RunningHub;
  readonly fleet: Fleet;
  readonly cloud: FleetHub;
  readonly events: RigEvent[] = [];
  readonly #folder: string;
  readonly #waiting = new Set<() => void>();

  private constructor(hub: RunningHub, folder: string, fleet: Fleet, cloud: FleetHub) {
    this.hub = hub;
    this.#folder = folder;
    this.fleet = fleet;
    this.cloud = cloud;
  }

  static async start(setup: FleetSetup): Promise<FleetRig> {
    const engine = await ensureEngine();
    const folder = mkdtempSync(join(tmpdir(), "godwit-fleet-"));
    const hub = await startHub({ dataDir: folder, mqttsPort: 0, httpsPort: 0 });
    const roots = readFileSync(hub.caFile, "utf8");
    const { app, apps, ids, workers = 2, turnMsMax, heap = fleetHeap } = setup;
    const onEvent = (event: RigEvent) => rig.#note(event);
    const fleet = new Fleet({
      ...{ engine, app, title: "test", hubName: hub.deviceHost, roots, heap, workers, onEvent },
      boards: new Map([
        ...credentials(hub, ids, setup.isDirect ?? false),
        ...(setup.credentials?.(hub.deviceHost) ?? []),
      ]),
      ...(apps && { apps }),
      ...(turnMsMax !== undefined && { turnMsMax }),
    });
    const client = new HttpsClient(hub.ownerConnectionString, roots);
    const cloud = new FleetHub({ client, fleet, onEvent });
    const rig = new FleetRig(hub, folder, fleet, cloud);
    await cloud.watch();
    await setup.before?.(cloud);
    fleet.start();
    return rig;
  }

  /** Telemetry bodies of a board, in the order the hub stored them. */
  bodies(id: string): Record<string, number>[] {
    return this.events.flatMap((event) =>
      event.event === "telemetry" && event.board === id
        ? [event.body as Record<string, number>]
        : [],
    );
  }

  /** Waits for something to hold; looks whenever anything happens. @throws Error with the last events */
  until(condition: () => boolean, msMax = untilMsMax): Promise<void> {
    return new Promise((resolve, reject) => {
      const limit = setTimeout(() => {
        const last = this.events.slice(-lastEvents).map((event) => JSON.stringify(event));
        reject(new Error(`did not happen; last events:\n${last.join("\n")}`));
      }, msMax);
      const look = () => {
        if (!condition()) return;
        this.#waiting.delete(look);
        clearTimeout(limit);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }

  /** Waits until a board has sent so many more messages. */
  more(id: string, count: number): Promise<void> {
    const enough = this.bodies(id).length + count;
    return this.until(() => this.bodies(id).length >= enough);
  }

  async close(): Promise<void> {
    await this.cloud.close();
    await this.fleet.close();
    await this.hub.close();
    rmSync(this.#folder, { recursive: true });
  }

  #note(event: RigEvent): void {
    this.events.push(event);
    for (const look of [...this.#waiting]) look();
  }
}

function credentials(
  hub: RunningHub,
  ids: readonly string[],
  isDirect: boolean,
): Map<string, StorageEntries> {
  const group = hub.core.enrollments.putGroup("fleet", { attestation: { type: "symmetricKey" } });
  if (group.attestation.type !== "symmetricKey") throw new Error("a group without a key");
  const { primaryKey: groupKey } = group.attestation.symmetricKey;
  const { idScope, deviceHost: dpsHost } = hub;
  const direct = (id: string): StorageEntries => {
    const { authentication } = hub.core.registry.create({ deviceId: id });
    if (authentication.type !== "sas") throw new Error("a device without a key");
    const key = authentication.symmetricKey.primaryKey;
    return connectionStringCredentials(`HostName=${dpsHost};DeviceId=${id};SharedAccessKey=${key}`);
  };
  const byGroup = (id: string) =>
    groupCredentials(nodeDigestPort, { dpsHost, idScope, groupKey }, id);
  return new Map(ids.map((id) => [id, isDirect ? direct(id) : byGroup(id)]));
}
