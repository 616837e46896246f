// How the hub's verbs reach their hub: the running one over HTTPS, else its data folder in this process.
import { resolve } from "node:path";
import type { Command } from "commander";
import { defaultDataDir, type HubContact, hubPaths, readContact } from "../../hub/data-dir.ts";
import { defaultMqttsPort } from "../../hub/ports.ts";
import {
  contactClient,
  type HttpsClient,
  InjectClient,
  type ServiceClient,
} from "../../hub/service-client.ts";
import { exitCodes, UserError } from "../../user-error.ts";
import type { Context } from "../command.ts";

const probeTimeoutMs = 3000;

export interface Service {
  readonly client: ServiceClient;
  readonly isRunning: boolean;
  readonly dataDir: string;
  /** `HostName` of device connection strings. */
  readonly deviceHost: string;
  readonly idScope: string;
}

/** The data folder that a command line names. */
export function dataDirOf(command: Command, context: Context): string {
  const { data = context.env.GODWIT_HUB_DATA ?? defaultDataDir } = command.optsWithGlobals<{
    data?: string;
  }>();
  return resolve(context.cwd, data);
}

interface HubInfo {
  readonly hostName: string;
  readonly idScope: string;
}

function isUnreachable(error: unknown): boolean {
  return error instanceof UserError && error.code === "hub-unreachable";
}

async function probe(client: ServiceClient): Promise<HubInfo | undefined> {
  try {
    return (await client.call("GET", "/hub", { timeoutMs: probeTimeoutMs })) as HubInfo;
  } catch (error) {
    if (isUnreachable(error)) return undefined;
    throw error;
  }
}

function deviceHost(contact: HubContact | undefined, hostName: string): string {
  return `${contact?.hostName ?? hostName}:${contact?.mqttsPort ?? defaultMqttsPort}`;
}

async function offline<T>(
  dataDir: string,
  contact: HubContact | undefined,
  action: (service: Service) => Promise<T>,
): Promise<T> {
  // Loaded when it is needed: a running hub is reached without the hub's own code.
  const { openOffline } = await import("../../hub/hub.ts");
  let hub: Awaited<ReturnType<typeof openOffline>>;
  try {
    hub = await openOffline({ dataDir, ...(contact && { hostName: contact.hostName }) });
  } catch (error) {
    if (!(error instanceof UserError) || error.code !== "data-in-use") throw error;
    throw new UserError(`a hub holds ${dataDir} but does not answer`, {
      code: "hub-unreachable",
      exitCode: exitCodes.unreachable,
      hint: contact?.pid ? `stop process ${contact.pid}, then: godwit hub` : "restart the hub",
      cause: error,
    });
  }
  try {
    const client = new InjectClient(hub.api, hub.ownerConnectionString);
    const info = (await client.call("GET", "/hub")) as HubInfo;
    const host = deviceHost(contact, info.hostName);
    return await action({ ...info, client, isRunning: false, dataDir, deviceHost: host });
  } finally {
    await hub.close();
  }
}

/** Calls an action with the hub of a data folder, whether it runs or not. */
export async function withService<T>(
  dataDir: string,
  action: (service: Service) => Promise<T>,
): Promise<T> {
  const contact = readContact(hubPaths(dataDir));
  if (contact !== undefined && contact.pid !== null) {
    const client = contactClient(contact);
    const info = await probe(client);
    if (info) {
      const host = deviceHost(contact, info.hostName);
      return action({ ...info, client, isRunning: true, dataDir, deviceHost: host });
    }
  }
  return offline(dataDir, contact, action);
}

/**
 * The client of a hub that must be running.
 * @throws UserError when none does.
 */
export async function runningClient(dataDir: string): Promise<HttpsClient> {
  const contact = readContact(hubPaths(dataDir));
  const client = contact && contact.pid !== null ? contactClient(contact) : undefined;
  if (client && (await probe(client))) return client;
  throw new UserError(`no hub is running on ${dataDir}`, {
    code: "hub-not-running",
    exitCode: exitCodes.unreachable,
    hint: `godwit hub --data ${dataDir}`,
  });
}
