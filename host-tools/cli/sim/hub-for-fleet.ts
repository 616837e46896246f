// The hub a fleet talks to: an own one in a temporary folder, or a running one that the user names.
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { encodePercent } from "../../../firmware/codec/percent.ts";
import { deviceConnectionString, parseServiceConnection } from "../../hub/connection-string.ts";
import { defaultDataDir, hubPaths, readContact } from "../../hub/data-dir.ts";
import { startHub } from "../../hub/hub.ts";
import { HttpsClient, readCa } from "../../hub/service-client.ts";
import {
  connectionStringCredentials,
  groupCredentials,
  type StorageEntries,
} from "../../sim/provision.ts";
import { nodeDigestPort } from "../../sim/real-platform.ts";
import { exitCodes, UserError } from "../../user-error.ts";
import type { Context } from "../command.ts";
import { probeMqtt } from "./mqtt-probe.ts";
import type { SimOptions } from "./options.ts";

const groupId = "godwit-sim";
/** Boards of a demonstration need not wait as long for their provisioning as the cloud lets them. */
const ownHubOptions = { mqttsPort: 0, httpsPort: 0, dpsRetryAfterS: 1 };
const defaultMqttPort = 8883;

export interface FleetHubAccess {
  /** For people: name and port that boards connect to. */
  readonly name: string;
  readonly client: HttpsClient;
  /** PEM. */
  readonly ca: string;
  credentials(id: string): Promise<StorageEntries>;
  close(): Promise<void>;
}

export type HubContext = Pick<Context, "env" | "cwd">;

/** Starts or finds the hub. @throws UserError when it cannot be reached or found. */
export async function openHub(options: SimOptions, context: HubContext): Promise<FleetHubAccess> {
  const { env, cwd } = context;
  const named = options.hub ?? env.GODWIT_HUB_CONNECTION;
  const idle = options.ca !== undefined ? "--ca" : options.mqttPort && "--mqtt-port";
  if (idle && !named)
    throw new UserError(`${idle} says how to reach a running hub, and none is named`, {
      code: "bad-option",
      hint: "name it too: --hub <connection string or data folder>",
    });
  return named === undefined || named === "" ? ownHub() : runningHub(named, options, cwd);
}

/** A hub of this process; boards register through a symmetric-key enrollment group, as in a factory. */
async function ownHub(): Promise<FleetHubAccess> {
  const dataDir = mkdtempSync(join(tmpdir(), "godwit-sim-"));
  const remove = () => rmSync(dataDir, { recursive: true, force: true });
  const hub = await startHub({ ...ownHubOptions, dataDir }).catch((error: unknown) => {
    remove();
    throw error;
  });
  const group = hub.core.enrollments.putGroup(groupId, { attestation: { type: "symmetricKey" } });
  if (group.attestation.type !== "symmetricKey") throw new Error("a group without a key");
  const { primaryKey: groupKey } = group.attestation.symmetricKey;
  const { idScope, deviceHost } = hub;
  const ca = readFileSync(hub.caFile, "utf8");
  return {
    name: deviceHost,
    ca,
    client: new HttpsClient(hub.ownerConnectionString, ca),
    credentials: async (id) =>
      groupCredentials(nodeDigestPort, { dpsHost: deviceHost, idScope, groupKey }, id),
    close: async () => {
      await hub.close();
      remove();
    },
  };
}

interface Target {
  connectionString: string;
  /** As the user or the hub's last contact has it. */
  mqttPort: number | undefined;
  caFile: string;
  /** Where it listens when its name means nothing to the resolver. */
  address: string | undefined;
}

/** A hub that runs already; boards are registered through its service API. */
async function runningHub(text: string, options: SimOptions, cwd: string): Promise<FleetHubAccess> {
  const target = findTarget(text, options, cwd);
  const ca = readCa(target.caFile);
  const client = new HttpsClient(target.connectionString, ca, target.address);
  const { hostName } = parseServiceConnection(target.connectionString);
  const host = hostName.replace(/:\d+$/, "");
  const port = options.mqttPort ?? (await mqttPortOf(client)) ?? target.mqttPort ?? defaultMqttPort;
  await probeMqtt({ host: host.replace(/^\[|\]$/g, ""), port, ca });
  const deviceHost = `${host}:${port}`;
  return {
    name: deviceHost,
    ca,
    client,
    credentials: async (id) => {
      const key = await deviceKey(client, id);
      return connectionStringCredentials(deviceConnectionString(deviceHost, id, key));
    },
    close: async () => {},
  };
}

/** A local hub tells where its devices connect; the cloud's has no such call. */
async function mqttPortOf(client: HttpsClient): Promise<number | undefined> {
  try {
    const { mqttsPort } = (await client.call("GET", "/hub")) as { mqttsPort?: number };
    return mqttsPort;
  } catch (error) {
    const isUnknownCall =
      error instanceof UserError &&
      error.exitCode === exitCodes.hub &&
      !/^IotHubUnauth/.test(error.code);
    if (isUnknownCall) return undefined;
    throw error;
  }
}

function findTarget(text: string, options: SimOptions, cwd: string): Target {
  const isConnection = /SharedAccessKeyName=/i.test(text);
  const folder = resolve(cwd, isConnection ? defaultDataDir : text);
  if (!isConnection && !(existsSync(folder) && statSync(folder).isDirectory()))
    throw new UserError("--hub is neither an owner connection string nor a hub's data folder", {
      code: "no-hub",
      hint: "godwit hub --json prints ownerConnectionString and dataDir",
    });
  const contact = readContact(hubPaths(folder));
  const isSame =
    contact !== undefined &&
    (!isConnection ||
      parseServiceConnection(text).hostName ===
        parseServiceConnection(contact.ownerConnectionString).hostName);
  if (!isConnection && !contact)
    throw new UserError(`no hub has run in ${folder}`, {
      code: "no-hub",
      hint: `godwit hub --data ${text}`,
      exitCode: exitCodes.hub,
    });
  const caFile =
    options.ca ?? (isSame ? contact.caFile : undefined) ?? process.env.NODE_EXTRA_CA_CERTS;
  if (caFile === undefined)
    throw new UserError("the CA of that hub is not known", {
      code: "no-ca",
      hint: "--ca <caFile as printed by godwit hub>",
    });
  return {
    connectionString: isConnection ? text : contact!.ownerConnectionString,
    mqttPort: isSame ? contact.mqttsPort : undefined,
    caFile: resolve(cwd, caFile),
    address: isSame ? contact.address : undefined,
  };
}

interface DeviceAnswer {
  authentication?: { symmetricKey?: { primaryKey?: string | null } };
}

/** Key of a device, which is registered first if it is new. */
async function deviceKey(client: HttpsClient, id: string): Promise<string> {
  const path = `/devices/${encodePercent(id)}`;
  const device = (await client.call("GET", path).catch((error: unknown) => {
    if (error instanceof UserError && error.code === "DeviceNotFound")
      return client.call("PUT", path, { body: { deviceId: id } });
    throw error;
  })) as DeviceAnswer;
  const key = device.authentication?.symmetricKey?.primaryKey;
  if (key) return key;
  throw new UserError(`device '${id}' has no symmetric key`, {
    code: "no-key",
    exitCode: exitCodes.hub,
    hint: `godwit hub device remove ${id}`,
  });
}
