/** Who this device is: read from storage at every attempt, so that a new credential needs no restart and no RAM. */
import { decodeBase64 } from "../codec/base64.ts";
import { GodwitError } from "../codec/error.ts";
import { decodeUtf8 } from "../codec/utf8.ts";
import type { TlsOptions } from "../ports/socket.ts";
import type { KeyValue } from "../ports/storage.ts";
import { DEVICE_ID_LENGTH_MAX } from "./limits.ts";
import { DPS_GLOBAL_HOST } from "./topics.ts";

/** Where credentials live in `platform.storage`. Text values are UTF-8; `tls.*` are DER, chains concatenated. */
export const STORAGE_KEYS = {
  connectionString: "hub.conn",
  scope: "dps.scope",
  registrationId: "dps.regid",
  deviceKey: "dps.key",
  dpsHost: "dps.host",
  assignment: "dps.assigned",
  certificate: "tls.cert",
  privateKey: "tls.key",
  roots: "tls.ca",
} as const;

/** A device known to its hub. Without `key` it proves itself by its TLS certificate. */
export interface HubIdentity {
  readonly kind: "hub";
  /** Name of the hub in user name and token, with a port if it is not 8883. */
  readonly host: string;
  /** Where to connect when that is not the hub itself (GatewayHostName). */
  readonly gateway?: string;
  readonly deviceId: string;
  readonly key?: Uint8Array;
}

/** A device that asks the provisioning service for its hub. Without `key`: X.509. */
export interface DpsIdentity {
  readonly kind: "dps";
  readonly host: string;
  readonly scope: string;
  readonly registrationId: string;
  readonly key?: Uint8Array;
}

const SERVICE_FIELDS = "SharedAccessKeyName";

/**
 * Parses `HostName=…;DeviceId=…;SharedAccessKey=…` or `HostName=…;DeviceId=…;x509=true`.
 * @throws GodwitError `credentials` naming the field at fault; no value of a key is ever quoted.
 */
export function parseConnectionString(text: string): HubIdentity {
  const fields = new Map<string, string>();
  for (const part of text.trim().split(";")) {
    if (part === "") continue;
    const equals = part.indexOf("=");
    if (equals < 1) throw bad("a part without '=': expected Name=value;Name=value");
    const name = part.slice(0, equals);
    if (fields.has(name)) throw bad(`${name} stands twice`);
    fields.set(name, part.slice(equals + 1));
  }
  refuseForeignFields(fields);
  const host = required(fields, "HostName");
  checkHost(host, "HostName");
  const deviceId = required(fields, "DeviceId");
  checkIdentifier(deviceId, "DeviceId");
  const gateway = fields.get("GatewayHostName");
  if (gateway !== undefined) checkHost(gateway, "GatewayHostName");
  const identity = { kind: "hub" as const, host, deviceId, ...(gateway && { gateway }) };
  if (fields.get("x509") === "true") {
    if (fields.has("SharedAccessKey"))
      throw bad("x509=true and SharedAccessKey exclude each other");
    return identity;
  }
  return { ...identity, key: decodeKey(required(fields, "SharedAccessKey"), "SharedAccessKey") };
}

function refuseForeignFields(fields: Map<string, string>): void {
  for (const name of fields.keys()) {
    if (name === SERVICE_FIELDS)
      throw bad(`${name} belongs to a service policy; a device needs its own connection string`);
    if (name === "ModuleId") throw bad("ModuleId: module identities are not supported");
    if (name === "SharedAccessSignature")
      throw bad("SharedAccessSignature would expire for good; use SharedAccessKey");
    if (!["HostName", "DeviceId", "SharedAccessKey", "GatewayHostName", "x509"].includes(name))
      throw bad(`unknown field ${name.slice(0, 32)}`);
  }
}

/** @throws GodwitError `credentials` if nothing usable is stored. */
export function readIdentity(storage: KeyValue): HubIdentity | DpsIdentity {
  const text = readText(storage, STORAGE_KEYS.connectionString);
  if (text !== undefined) return parseConnectionString(text);
  const scope = readText(storage, STORAGE_KEYS.scope);
  const registrationId = readText(storage, STORAGE_KEYS.registrationId);
  if (!scope || !registrationId) {
    throw new GodwitError(
      "credentials",
      "no credentials: store hub.conn (a connection string), or dps.scope and dps.regid",
    );
  }
  checkIdentifier(registrationId, STORAGE_KEYS.registrationId);
  const host = readText(storage, STORAGE_KEYS.dpsHost) ?? DPS_GLOBAL_HOST;
  checkHost(host, STORAGE_KEYS.dpsHost);
  const key = readText(storage, STORAGE_KEYS.deviceKey);
  const identity = { kind: "dps" as const, host, scope, registrationId };
  return key ? { ...identity, key: decodeKey(key, STORAGE_KEYS.deviceKey) } : identity;
}

/**
 * TLS material: roots and client certificate from storage; what is not there comes from `base`.
 * @throws GodwitError `credentials` if a stored value is not DER, or a certificate has no key.
 */
export function readTls(
  storage: KeyValue,
  base: TlsOptions | undefined,
  isX509: boolean,
): TlsOptions {
  const tls: TlsOptions = { ...base };
  const roots = storage.read(STORAGE_KEYS.roots);
  if (roots) tls.roots = splitDer(roots, STORAGE_KEYS.roots);
  if (!isX509) return tls;
  const chain = storage.read(STORAGE_KEYS.certificate);
  const key = storage.read(STORAGE_KEYS.privateKey);
  if (chain) tls.clientCertificates = splitDer(chain, STORAGE_KEYS.certificate);
  if (key) tls.clientKey = key;
  if (!tls.clientCertificates || !tls.clientKey)
    throw new GodwitError("credentials", "no key and no certificate: store tls.cert and tls.key");
  return tls;
}

export function readText(storage: KeyValue, key: string): string | undefined {
  const bytes = storage.read(key);
  if (!bytes) return undefined;
  try {
    return decodeUtf8(bytes);
  } catch (cause) {
    throw new GodwitError("credentials", `${key} is not UTF-8 text`, cause);
  }
}

/** Splits concatenated DER values (X.690 §8.1.3: tag, definite length, contents). */
function splitDer(bytes: Uint8Array, name: string): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at + 1] ?? 0;
    const digits = first < 128 ? 0 : first & 127;
    let length = digits === 0 ? first : 0;
    for (let i = 0; i < digits; i++) length = length * 256 + (bytes[at + 2 + i] ?? 0);
    const end = at + 2 + digits + length;
    if (bytes[at] !== 0x30 || digits > 3 || end > bytes.length)
      throw new GodwitError("credentials", `${name}: no DER certificate at byte ${at}`);
    parts.push(bytes.subarray(at, end));
    at = end;
  }
  return parts;
}

function required(fields: Map<string, string>, name: string): string {
  const value = fields.get(name);
  if (!value) throw bad(`${name} is missing`);
  return value;
}

function checkHost(host: string, name: string): void {
  if (!/^[A-Za-z0-9.-]{1,253}(:\d{1,5})?$/.test(host)) throw bad(`${name} is not a host name`);
}

/** Wildcards and slashes cannot stand in a topic that is published to. */
function checkIdentifier(id: string, name: string): void {
  if (id.length > DEVICE_ID_LENGTH_MAX)
    throw bad(`${name}: at most ${DEVICE_ID_LENGTH_MAX} characters`);
  if (!/^[A-Za-z0-9\-:._%*?!(),=@;$']+$/.test(id))
    throw bad(`${name} holds a character that an MQTT topic cannot carry`);
}

function decodeKey(text: string, name: string): Uint8Array {
  try {
    const key = decodeBase64(text);
    if (key.length > 0) return key;
  } catch (cause) {
    throw bad(`${name} is not base64`, cause);
  }
  throw bad(`${name} is empty`);
}

function bad(what: string, cause?: unknown): GodwitError {
  return new GodwitError("credentials", `credentials: ${what}`, cause);
}
