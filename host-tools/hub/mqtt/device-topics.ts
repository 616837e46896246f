// What a topic or filter means for one identity; the topics themselves are the firmware's (connection/topics.ts).
import {
  deviceboundPrefix,
  METHOD_REQUEST_PREFIX,
  METHOD_RESPONSE_PREFIX,
  segmentAfter,
  TWIN_DESIRED_PREFIX,
  TWIN_GET_PREFIX,
  TWIN_REPORTED_PREFIX,
  TWIN_RESPONSE_PREFIX,
  telemetryPrefix,
  topicParameter,
} from "../../../firmware/connection/topics.ts";
import { HubError } from "../core/hub-error.ts";
import type { IdentityName } from "../core/identity.ts";
import type { Channel } from "../core/sessions.ts";

export type DeviceRequest =
  | { kind: "telemetry"; bag: string }
  | { kind: "twinGet"; requestId: string }
  | { kind: "twinReport"; requestId: string }
  | { kind: "methodAnswer"; requestId: string; status: number };

/** `$rid` is the device's own; this bound keeps it out of long topics. */
const REQUEST_ID_CHARACTERS_MAX = 64;

export class DeviceTopics {
  readonly telemetry: string;
  readonly devicebound: string;
  readonly #filters: ReadonlyMap<string, Channel>;

  constructor(name: IdentityName) {
    const path = name.moduleId === undefined ? name.deviceId : modulePath(name);
    this.telemetry = telemetryPrefix(path);
    this.devicebound = deviceboundPrefix(path);
    this.#filters = new Map<string, Channel>([
      [`${TWIN_RESPONSE_PREFIX}#`, "twinResponses"],
      [`${TWIN_DESIRED_PREFIX}#`, "desired"],
      [`${METHOD_REQUEST_PREFIX}#`, "methods"],
      [`${this.devicebound}#`, "cloudToDevice"],
      [`${deviceboundPrefix("+")}#`, "cloudToDevice"],
      ...(name.moduleId === undefined
        ? []
        : [[`devices/${path}/#`, "cloudToDevice"] as [string, Channel]]),
    ]);
  }

  /** The channel a filter opens, or undefined for one that IoT Hub does not know. */
  channelOf(filter: string): Channel | undefined {
    return this.#filters.get(filter);
  }

  /** @throws HubError 400004 for a topic that IoT Hub does not know, or one without its parameters. */
  requestOf(topic: string): DeviceRequest {
    if (topic.startsWith(this.telemetry)) {
      return { kind: "telemetry", bag: topic.slice(this.telemetry.length) };
    }
    if (topic.startsWith(TWIN_GET_PREFIX)) return { kind: "twinGet", requestId: rid(topic) };
    if (topic.startsWith(TWIN_REPORTED_PREFIX)) {
      return { kind: "twinReport", requestId: rid(topic) };
    }
    if (topic.startsWith(METHOD_RESPONSE_PREFIX)) {
      const status = Number(segmentAfter(topic, METHOD_RESPONSE_PREFIX) || "x");
      if (!Number.isInteger(status)) throw bad("a method answer without a status", topic);
      return { kind: "methodAnswer", requestId: rid(topic), status };
    }
    if (`${topic}/` === this.telemetry) return { kind: "telemetry", bag: "" };
    throw bad("a topic that IoT Hub does not know for this identity", topic);
  }
}

function modulePath({ deviceId, moduleId }: IdentityName): string {
  return `${deviceId}/modules/${moduleId}`;
}

function rid(topic: string): string {
  const requestId = topicParameter(topic, "$rid");
  if (requestId === undefined || requestId === "") throw bad("a request without $rid", topic);
  if (requestId.length > REQUEST_ID_CHARACTERS_MAX)
    throw bad("a $rid of over 64 characters", topic);
  return requestId;
}

function bad(what: string, topic: string): HubError {
  return new HubError(400004, `${what}: ${JSON.stringify(topic.slice(0, 120))}`);
}
