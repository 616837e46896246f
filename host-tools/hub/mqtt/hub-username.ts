// The user name in a CONNECT to the hub (IoT Hub docs "Use MQTT"): `{host}/{device}[/{module}]/?api-version=…`.
import { HubError } from "../core/hub-error.ts";

export interface HubUsername {
  host: string;
  deviceId: string;
  moduleId: string | undefined;
  apiVersion: string | undefined;
  modelId: string | undefined;
  userAgent: string | undefined;
}

const CHARACTERS_MAX = 1024;
/** DTDL: `dtmi:` segments, optionally `;version`, 128 characters for an interface. */
const DTMI = /^dtmi:[A-Za-z](?:[A-Za-z0-9_:]*[A-Za-z0-9])?(?:;[1-9][0-9.]{0,11})?$/;

/** @throws HubError 400004 saying which part is wrong. */
export function parseHubUsername(username: string | undefined): HubUsername {
  if (username === undefined || username === "") throw bad("is missing");
  if (username.length > CHARACTERS_MAX) throw bad(`is longer than ${CHARACTERS_MAX} characters`);
  const at = username.indexOf("?");
  const path = (at < 0 ? username : username.slice(0, at)).replace(/\/$/, "");
  const segments = path.split("/");
  // Clients of 2016 wrote `host/device/api-version=…`, without the question mark.
  const hasOldTail = at < 0 && segments[segments.length - 1]?.startsWith("api-version=");
  const query = at < 0 ? (hasOldTail ? segments.pop()! : "") : username.slice(at + 1);
  const [host = "", deviceId = "", moduleId] = segments;
  if (segments.length < 2 || segments.length > 3 || segments.includes("")) {
    throw bad("is not of the form {host}/{deviceId}[/{moduleId}]/?api-version=…");
  }
  const fields = parseQuery(query);
  const modelId = fields.get("model-id");
  if (modelId !== undefined && (modelId.length > 128 || !DTMI.test(modelId))) {
    throw bad("holds a model-id that is not a DTMI");
  }
  return {
    host,
    deviceId,
    moduleId,
    apiVersion: fields.get("api-version"),
    modelId,
    userAgent: fields.get("DeviceClientType"),
  };
}

function parseQuery(query: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const part of query.split("&")) {
    const at = part.indexOf("=");
    if (at < 1) continue;
    try {
      fields.set(part.slice(0, at), decodeURIComponent(part.slice(at + 1)));
    } catch {
      throw bad(`holds a field "${part.slice(0, at)}" that is not URL-encoded correctly`);
    }
  }
  return fields;
}

function bad(why: string): HubError {
  return new HubError(400004, `the user name ${why}`);
}
