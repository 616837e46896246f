// Events of the hub's stream as JSON for people and scripts.
import { Decoder } from "cbor-x";
import { DELTA_TYPE } from "../../../firmware/telemetry/schema-hash.ts";
import { isoTime } from "../core/environment.ts";
import { annotationsOf, type HubEvent } from "../core/event.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true });
const cbor = new Decoder({ useRecords: false, mapsAsObjects: true });

function tryTo<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}

function isJson(value: unknown): boolean {
  if (typeof value === "number") return Number.isFinite(value) && !Object.is(value, -0);
  if (typeof value !== "object") return typeof value === "string" || typeof value === "boolean";
  if (value === null) return true;
  if (Array.isArray(value)) return value.every(isJson);
  const isPlain = Object.getPrototypeOf(value) === Object.prototype;
  return isPlain && Object.values(value).every(isJson);
}

/** The body as a value when it can be read as one, else as text, else as base64. */
function bodyJson(event: HubEvent): { body: unknown } | { bodyBase64: string } {
  const type = event.systemProperties["content-type"] ?? "";
  const { body } = event;
  // A batch may happen to read as text or even as a number.
  if (type.startsWith(DELTA_TYPE)) return { bodyBase64: Buffer.from(body).toString("base64") };
  if (type.includes("cbor")) {
    const value = tryTo(() => cbor.decode(body) as unknown);
    // What JSON cannot say (NaN, bytes, big integers) must not become something else: all of it stays base64.
    if (tryTo(() => isJson(value) && JSON.stringify(value) !== "")) return { body: value };
  }
  const text = type.includes("cbor") ? undefined : tryTo(() => utf8.decode(body));
  if (text === undefined) return { bodyBase64: Buffer.from(body).toString("base64") };
  const value = tryTo(() => JSON.parse(text) as unknown);
  return { body: value ?? text };
}

/** One event as a line of `/events`. */
export function eventJson(event: HubEvent): Record<string, unknown> {
  const { origin } = event;
  return {
    sequenceNumber: event.sequenceNumber,
    enqueuedTime: isoTime(event.enqueuedMs),
    source: event.source,
    deviceId: origin.deviceId,
    ...(origin.moduleId !== undefined && { moduleId: origin.moduleId }),
    partition: event.partition,
    ...bodyJson(event),
    properties: event.properties,
    systemProperties: event.systemProperties,
    annotations: annotationsOf(event),
  };
}
