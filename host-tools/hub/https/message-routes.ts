// Cloud-to-device messages. Microsoft's hub takes them over AMQP only; `POST …/messages/deviceBound`
// is godwit's own, with the header names of the device-side HTTP API.
import type { CloudMessage, FeedbackMode } from "../core/service.ts";
import type { Api, ApiRequest } from "./api.ts";
import { header, invalid } from "./input.ts";

const ackModes: readonly FeedbackMode[] = ["none", "positive", "negative", "full"];
const propertyPrefix = "iothub-app-";

function expiry(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const unixMs = Date.parse(text);
  if (Number.isNaN(unixMs)) throw invalid("iothub-expiry must be an ISO 8601 time");
  return unixMs;
}

function bodyBytes(body: unknown): Uint8Array {
  if (body === undefined || body === null) return new Uint8Array(0);
  if (body instanceof Uint8Array) return new Uint8Array(body);
  return new TextEncoder().encode(JSON.stringify(body));
}

function decoded(text: string, name: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid(`${name} is not percent-encoded UTF-8`);
  }
}

/** Application properties: one header each; values percent-encoded, because headers are ASCII. */
function properties(headers: Readonly<Record<string, string | string[] | undefined>>) {
  const entries = Object.entries(headers)
    .filter(([name]) => name.startsWith(propertyPrefix))
    .map(([name, value]) => [
      name.slice(propertyPrefix.length),
      decoded(header(value) ?? "", name),
    ]);
  return Object.fromEntries(entries) as Record<string, string>;
}

function cloudMessage(request: ApiRequest): CloudMessage {
  const { headers } = request.raw;
  const ack = header(headers["iothub-ack"]);
  if (ack !== undefined && !ackModes.includes(ack as FeedbackMode))
    throw invalid(`iothub-ack must be one of ${ackModes.join(", ")}`);
  return {
    body: bodyBytes(request.body),
    messageId: header(headers["iothub-messageid"]),
    correlationId: header(headers["iothub-correlationid"]),
    userId: header(headers["iothub-userid"]),
    contentType: headers["content-type"],
    contentEncoding: header(headers["content-encoding"]),
    expiresMs: expiry(header(headers["iothub-expiry"])),
    ack: ack as FeedbackMode | undefined,
    properties: properties(headers),
  };
}

/** Adds sending and purging of cloud-to-device messages. */
export function addMessageRoutes(api: Api): void {
  const { cloudToDevice } = api.hub;
  api.add({
    method: "POST",
    url: "/devices/:deviceId/messages/deviceBound",
    right: "ServiceConnect",
    handle: (request) => {
      const { deviceId = "" } = request.params;
      return { messageId: cloudToDevice.send({ deviceId }, cloudMessage(request)) };
    },
  });
  api.add({
    method: "DELETE",
    url: "/devices/:deviceId/commands",
    right: "ServiceConnect",
    handle: (request) => {
      const { deviceId = "" } = request.params;
      const totalMessagesPurged = cloudToDevice.purge({ deviceId });
      return { deviceId, moduleId: null, totalMessagesPurged };
    },
  });
}
