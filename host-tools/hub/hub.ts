// Composition root of a hub on this machine: core, store, CA, MQTT and HTTPS listeners.
import { existsSync, statSync } from "node:fs";
import type { Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { FastifyInstance } from "fastify";
import { UserError } from "../user-error.ts";
import type { HubEnvironment } from "./core/environment.ts";
import { Hub } from "./core/hub.ts";
import type { TierName } from "./core/tier-table.ts";
import { type HubPaths, hubPaths, writeContact } from "./data-dir.ts";
import { createApi } from "./https/api.ts";
import { listenMqtt } from "./listen.ts";
import { attachWebSocket } from "./listen-websocket.ts";
import { nodeEnvironment } from "./node-environment.ts";
import { type Authority, openAuthority } from "./pki/authority.ts";
import { portHolder } from "./port-holder.ts";
import { defaultHttpsPort, defaultMqttsPort } from "./ports.ts";
import { storeDamaged, storeError } from "./store/database.ts";
import { openStore } from "./store/libsql-store.ts";

/** Name under which the hub trusts its own CA for devices of type `certificateAuthority`. */
const ownAuthority = "godwit";

export interface StartHubOptions {
  /** Folder of state and keys; created with 0700 on first use. */
  readonly dataDir: string;
  /** 0 takes any free port. Default 8883. */
  readonly mqttsPort?: number;
  /** 0 takes any free port. Default 8443. */
  readonly httpsPort?: number;
  /** Name without port that devices and services use. Default `localhost`. */
  readonly hostName?: string;
  /** Address to listen on. Default `127.0.0.1`: this machine alone. */
  readonly listenAddress?: string;
  /** Clock, timers and randomness; the real ones when absent. */
  readonly environment?: HubEnvironment;
  readonly tier?: TierName;
  readonly enforceThrottles?: boolean;
  /** Puts the CA aside and makes a new one; devices have to be given its certificate. */
  readonly newCa?: boolean;
  /** Seconds that DPS lets devices wait; default 3, as the cloud's. */
  readonly dpsRetryAfterS?: number;
}

export interface RunningHub {
  readonly core: Hub;
  readonly authority: Authority;
  readonly paths: HubPaths;
  readonly mqttsPort: number;
  readonly httpsPort: number;
  /** `HostName` of device connection strings: name and MQTT port. */
  readonly deviceHost: string;
  readonly caFile: string;
  readonly idScope: string;
  /** A secret. */
  readonly ownerConnectionString: string;
  close(): Promise<void>;
}

function listenError(error: unknown, port: number, option: string): Error {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "EADDRINUSE")
    return new UserError(`port ${port} is in use by ${portHolder(port) ?? "another program"}`, {
      code: "port-in-use",
      hint: `${option} 0 takes any free port`,
      cause: error,
    });
  if (code === "EACCES")
    return new UserError(`port ${port} may not be opened without privileges`, {
      code: "port-denied",
      hint: `${option} with a port above 1023`,
      cause: error,
    });
  return error instanceof Error ? error : new Error(String(error));
}

/** Runs the clean-ups of a start that failed half way, or of a stop, in reverse order. */
class Closers {
  readonly #all: (() => void | Promise<void>)[] = [];

  add(close: () => void | Promise<void>): void {
    this.#all.push(close);
  }

  async run(): Promise<void> {
    for (const close of this.#all.splice(0).reverse()) await close();
  }
}

/** Listens, and turns what the system says about a port into something to act on. */
async function listening<T>(port: number, option: string, listen: () => Promise<T>): Promise<T> {
  try {
    return await listen();
  } catch (error) {
    throw listenError(error, port, option);
  }
}

const anyAddress = ["127.0.0.1", "0.0.0.0", "::", "::1"];

async function openServer(options: StartHubOptions, core: Hub, paths: HubPaths) {
  const nowMs = () => (options.environment ?? nodeEnvironment).nowMs();
  const knownCaPem = core.authorities.list().get(ownAuthority);
  const replaceCa = options.newCa ?? false;
  const authority = await openAuthority(paths.pki, nowMs, { knownCaPem, replaceCa });
  if (knownCaPem !== authority.caPem) core.authorities.put(ownAuthority, authority.caPem);
  const { hostName = "localhost", listenAddress = "127.0.0.1" } = options;
  const names = anyAddress.includes(listenAddress) ? [hostName] : [hostName, listenAddress];
  const { certificatePem, keyPem } = await authority.serverCertificate(names);
  // With its issuer: boards take no chain of one certificate (firmware/platform).
  return { authority, tls: { key: keyPem, cert: certificatePem + authority.caPem } };
}

/** An emptied store would be taken for a new one, and its devices for strangers. */
function checkStore({ store, contact }: HubPaths): void {
  let isEmpty = false;
  try {
    isEmpty = statSync(store, { throwIfNoEntry: false })?.size === 0;
  } catch (error) {
    throw storeError(store, error);
  }
  if (isEmpty && existsSync(contact))
    throw storeDamaged(store, "it is empty, but a hub has run here");
}

interface CoreOptions extends StartHubOptions {
  readonly paths: HubPaths;
  assignedHub(): string;
}

function openCore(options: CoreOptions): Hub {
  const { paths } = options;
  checkStore(paths);
  const { hostName = "localhost", listenAddress = "127.0.0.1", tier, enforceThrottles } = options;
  return new Hub({
    environment: options.environment ?? nodeEnvironment,
    store: openStore(paths.store),
    hostName,
    aliases: ["localhost", "127.0.0.1", listenAddress],
    assignedHub: () => options.assignedHub(),
    ...(tier && { tier }),
    ...(enforceThrottles !== undefined && { enforceThrottles }),
    ...(options.dpsRetryAfterS !== undefined && { dpsRetryAfterS: options.dpsRetryAfterS }),
  });
}

async function start(options: StartHubOptions, closers: Closers): Promise<RunningHub> {
  const { hostName = "localhost", listenAddress: address = "127.0.0.1" } = options;
  const { mqttsPort: wantedMqtts = defaultMqttsPort } = options;
  const { httpsPort: wantedHttps = defaultHttpsPort } = options;
  const paths = hubPaths(options.dataDir);
  const deviceHost = () => `${hostName}:${mqttsPort}`;
  // The store before the keys: it remembers the CA, and it keeps a second hub out.
  const core = openCore({ ...options, paths, assignedHub: deviceHost });
  closers.add(() => core.close());
  const { authority, tls } = await openServer(options, core, paths);
  const mqtts = await listening(wantedMqtts, "--port", () =>
    listenMqtt(core, { ...tls, port: wantedMqtts, host: address }),
  );
  const mqttsPort = mqtts.port;
  closers.add(() => mqtts.close());
  const app = createApi({ hub: core, hostName, mqttsPort, tls });
  closers.add(() => app.close());
  closers.add(attachWebSocket(core, app.server as Server));
  await listening(wantedHttps, "--https", () => app.listen({ port: wantedHttps, host: address }));
  const httpsPort = (app.server.address() as AddressInfo).port;
  const contact = {
    hostName,
    address: address === "0.0.0.0" || address === "::" ? "localhost" : address,
    mqttsPort,
    httpsPort,
    caFile: authority.caFile,
    ownerConnectionString: core.policies.connectionString(
      "iothubowner",
      `${hostName}:${httpsPort}`,
    ),
  };
  writeContact(paths, { ...contact, pid: process.pid });
  closers.add(() => writeContact(paths, { ...contact, pid: null }));
  const { idScope } = core.enrollments;
  const close = () => closers.run();
  return { ...contact, core, authority, paths, deviceHost: deviceHost(), idScope, close };
}

/**
 * Starts a hub on this machine.
 * @throws UserError `port-in-use`, `port-denied`, `data-in-use`, `store-…`, `ca-unusable`, `data-io`.
 */
export async function startHub(options: StartHubOptions): Promise<RunningHub> {
  const closers = new Closers();
  try {
    return await start(options, closers);
  } catch (error) {
    await closers.run();
    throw error;
  }
}

/** A hub's state without listeners, for administration while it does not run. */
export interface OfflineHub {
  readonly api: FastifyInstance;
  readonly authority: Authority;
  readonly ownerConnectionString: string;
  close(): Promise<void>;
}

/**
 * Opens the state of a hub that does not run.
 * @throws UserError `data-in-use` when it does run.
 */
export async function openOffline(options: StartHubOptions): Promise<OfflineHub> {
  const { hostName = "localhost" } = options;
  const paths = hubPaths(options.dataDir);
  const core = openCore({ ...options, paths, assignedHub: () => hostName });
  const { authority, tls } = await openServer(options, core, paths).catch((error: unknown) => {
    core.close();
    throw error;
  });
  const api = createApi({ hub: core, hostName, tls });
  const close = async (): Promise<void> => {
    await api.close();
    core.close();
  };
  const ownerConnectionString = core.policies.connectionString("iothubowner", hostName);
  return { api, authority, ownerConnectionString, close };
}
