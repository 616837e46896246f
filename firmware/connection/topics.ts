/** IoT Hub and DPS topics over MQTT 3.1.1 (Azure docs "Use MQTT", DPS "MQTT support"): the only copy of these facts. */
import { encodePercent } from "../codec/percent.ts";

export const MQTT_TLS_PORT = 8883;
export const HUB_API_VERSION = "2021-04-12";
export const DPS_API_VERSION = "2019-03-31";
export const DPS_GLOBAL_HOST = "global.azure-devices-provisioning.net";

export const TWIN_RESPONSE_PREFIX = "$iothub/twin/res/";
export const TWIN_GET_PREFIX = "$iothub/twin/GET/";
export const TWIN_REPORTED_PREFIX = "$iothub/twin/PATCH/properties/reported/";
export const TWIN_DESIRED_PREFIX = "$iothub/twin/PATCH/properties/desired/";
export const METHOD_REQUEST_PREFIX = "$iothub/methods/POST/";
export const METHOD_RESPONSE_PREFIX = "$iothub/methods/res/";
export const DPS_RESPONSE_PREFIX = "$dps/registrations/res/";
export const DPS_REGISTER_PREFIX = "$dps/registrations/PUT/iotdps-register/";
export const DPS_STATUS_PREFIX = "$dps/registrations/GET/iotdps-get-operationstatus/";

/** Telemetry goes to this topic; the encoded property bag, possibly empty, follows it. */
export function telemetryPrefix(deviceId: string): string {
  return `devices/${deviceId}/messages/events/`;
}

/** Cloud-to-device messages arrive on this topic, followed by their property bag. */
export function deviceboundPrefix(deviceId: string): string {
  return `devices/${deviceId}/messages/devicebound/`;
}

/** The filters a device subscribes to: twin answers, desired changes, methods, messages (the hub allows five). */
export function deviceFilters(deviceId: string): string[] {
  return [
    `${TWIN_RESPONSE_PREFIX}#`,
    `${TWIN_DESIRED_PREFIX}#`,
    `${METHOD_REQUEST_PREFIX}#`,
    `${deviceboundPrefix(deviceId)}#`,
  ];
}

/** CONNECT user name of a device at its hub. `host` is the hub's own name, port included if not 8883. */
export function hubUserName(
  host: string,
  deviceId: string,
  modelId?: string,
  userAgent?: string,
): string {
  let name = `${host}/${deviceId}/?api-version=${HUB_API_VERSION}`;
  if (modelId) name += `&model-id=${modelId}`;
  if (userAgent) name += `&DeviceClientType=${encodePercent(userAgent)}`;
  return name;
}

/** CONNECT user name at the provisioning service. There is no `?` in it. */
export function dpsUserName(scope: string, registrationId: string): string {
  return `${scope}/registrations/${registrationId}/api-version=${DPS_API_VERSION}`;
}

/** Resource a device's SAS token names at its hub. */
export function hubResource(host: string, deviceId: string): string {
  return `${host}/devices/${deviceId}`;
}

/** Resource a device's SAS token names at the provisioning service. */
export function dpsResource(scope: string, registrationId: string): string {
  return `${scope}/registrations/${registrationId}`;
}

export function twinGetTopic(rid: number | string): string {
  return `${TWIN_GET_PREFIX}?$rid=${rid}`;
}

export function twinReportedTopic(rid: number | string): string {
  return `${TWIN_REPORTED_PREFIX}?$rid=${rid}`;
}

export function methodResponseTopic(status: number, rid: string): string {
  return `${METHOD_RESPONSE_PREFIX}${status}/?$rid=${rid}`;
}

/** Value of `name` in the query part of a topic (`…/?$rid=7&$version=3`), or undefined. */
export function topicParameter(topic: string, name: string): string | undefined {
  let at = topic.indexOf("?") + 1;
  if (at === 0) return undefined;
  while (at < topic.length) {
    let end = topic.indexOf("&", at);
    if (end < 0) end = topic.length;
    if (topic.startsWith(name, at) && topic[at + name.length] === "=")
      return topic.slice(at + name.length + 1, end);
    at = end + 1;
  }
  return undefined;
}

/** The path segment after `prefix`: the status of a response, the name of a method. Empty if there is none. */
export function segmentAfter(topic: string, prefix: string): string {
  const end = topic.indexOf("/", prefix.length);
  return topic.slice(prefix.length, end < 0 ? topic.length : end);
}
