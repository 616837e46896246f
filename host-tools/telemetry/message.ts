// One telemetry message out of an event in JSON: the local hub's, Event Hubs SDKs', storage routing's.
import { decodeBase64 } from "../../firmware/codec/base64.ts";
import { foreign } from "./json-values.ts";

type Fields = Readonly<Record<string, unknown>>;

export interface TelemetryMessage {
  /** Where it stood, for reports: `<source>: byte <offset>`. */
  readonly place: string;
  readonly deviceId: string;
  readonly contentType: string;
  /** Application properties. */
  readonly properties: Readonly<Record<string, string>>;
  /** When the device made it (Unix ms), else undefined. */
  readonly createdMs: number | undefined;
  /** When the hub took it (Unix ms). */
  readonly enqueuedMs: number | undefined;
  /** Bytes, or a value that was JSON or CBOR before it was dumped. */
  readonly body: Uint8Array | { readonly value: unknown };
}

function fields(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

/** Names as the different writers spell them: `content-type`, `contentType`, `ContentType`. */
function lookUp(name: string, ...places: Fields[]): string | undefined {
  const plain = (text: string) => text.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
  for (const place of places)
    for (const [key, value] of Object.entries(place))
      if (plain(key) === name && value !== null && typeof value !== "object") return String(value);
  return undefined;
}

function timeOf(text: string | undefined): number | undefined {
  const ms = text === undefined || text === "" ? Number.NaN : Date.parse(text);
  return Number.isNaN(ms) ? (text && /^\d+$/.test(text) ? Number(text) : undefined) : ms;
}

/** Bytes of base64; undefined for what is none. */
function bytesOf(text: unknown): Uint8Array | undefined {
  try {
    return typeof text === "string" ? decodeBase64(text) : undefined;
  } catch {
    return undefined;
  }
}

function bodyOf(event: Fields, isText: boolean): TelemetryMessage["body"] | undefined {
  const base64 = event.bodyBase64 ?? (typeof event.Body === "string" ? event.Body : undefined);
  if (base64 !== undefined) return bytesOf(base64);
  const body = event.body ?? event.Body;
  if (body === undefined) return undefined;
  const { type, data } = fields(body);
  if (type === "Buffer" && Array.isArray(data)) return Uint8Array.from(data as number[]);
  if (typeof body === "string" && !isText) return new TextEncoder().encode(body);
  return { value: body };
}

/**
 * Reads one event; undefined for what is no telemetry (twin changes, life cycle).
 * @throws UserError naming the byte, for JSON that is no event
 */
export function messageOf(
  bytes: Uint8Array,
  source: string,
  offset: number,
): TelemetryMessage | undefined {
  let event: Fields;
  try {
    event = fields(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)));
  } catch {
    throw foreign(source, offset, "no JSON in UTF-8");
  }
  if (typeof event.lost === "number" && event.deviceId === undefined)
    throw foreign(
      source,
      offset,
      `${event.lost} events are gone: they came faster than they were read`,
    );
  const system = fields(event.systemProperties ?? event.SystemProperties);
  const stamped = fields(event.annotations);
  const kind = lookUp("iothubmessagesource", stamped, system) ?? lookUp("source", event);
  if (kind !== undefined && kind !== "Telemetry") return undefined;
  const deviceId =
    lookUp("iothubconnectiondeviceid", stamped, system) ??
    lookUp("connectiondeviceid", system) ??
    lookUp("deviceid", event);
  const contentType = lookUp("contenttype", system, event) ?? "";
  const isText = contentType === "" || /json|cbor/.test(contentType);
  const body = bodyOf(event, isText);
  if (deviceId === undefined) throw foreign(source, offset, "an object without a device id");
  if (body === undefined) throw foreign(source, offset, "an event without a readable body");
  const properties: Record<string, string> = {};
  for (const [name, value] of Object.entries(fields(event.properties ?? event.Properties)))
    properties[name] = String(value ?? "");
  return {
    place: `${source}: byte ${offset}`,
    deviceId,
    contentType,
    properties,
    createdMs: timeOf(lookUp("iothubcreationtimeutc", system, stamped, properties)),
    enqueuedMs: timeOf(
      lookUp("iothubenqueuedtime", stamped, system) ??
        lookUp("xoptenqueuedtime", stamped) ??
        lookUp("enqueuedtimeutc", event) ??
        lookUp("enqueuedtime", event),
    ),
    body,
  };
}
