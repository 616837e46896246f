// Events of the hub's own: device lifecycle, connection state, twin changes (docs "Non-telemetry events").
import type { HubContext } from "./context.ts";
import { isoTime } from "./environment.ts";
import type { EventOrigin, EventSource, Properties } from "./event.ts";
import type { NewEvent } from "./event-stream.ts";
import type { Identity } from "./identity.ts";
import type { JsonObject } from "./json.ts";

const JSON_SYSTEM: Properties = { "content-type": "application/json", "content-encoding": "utf-8" };

function notification(
  context: HubContext,
  identity: Identity,
  event: { source: EventSource; opType: string; body: JsonObject; schema?: string },
): NewEvent {
  const isModule = identity.moduleId !== undefined;
  const origin: EventOrigin = {
    deviceId: identity.deviceId,
    moduleId: identity.moduleId,
    generationId: identity.generationId,
    authMethod: "",
  };
  return {
    source: event.source,
    origin,
    body: Buffer.from(JSON.stringify(event.body)),
    systemProperties: JSON_SYSTEM,
    properties: {
      hubName: context.names[0] ?? "",
      deviceId: identity.deviceId,
      ...(isModule ? { moduleId: identity.moduleId! } : {}),
      operationTimestamp: isoTime(context.nowMs()),
      opType: event.opType,
      ...(event.schema === undefined ? {} : { "iothub-message-schema": event.schema }),
    },
  };
}

export function lifecycleEvent(
  context: HubContext,
  identity: Identity,
  operation: "create" | "delete",
): NewEvent {
  const kind = identity.moduleId === undefined ? "Device" : "Module";
  const opType = `${operation}${kind}Identity`;
  const body = { deviceId: identity.deviceId, etag: identity.etag };
  const schema = `${kind.toLowerCase()}LifecycleNotification`;
  return notification(context, identity, { source: "deviceLifecycleEvents", opType, body, schema });
}

export function connectionEvent(
  context: HubContext,
  identity: Identity,
  isConnected: boolean,
): NewEvent {
  const kind = identity.moduleId === undefined ? "device" : "module";
  const opType = `${kind}${isConnected ? "Connected" : "Disconnected"}`;
  const body = { sequenceNumber: String(context.nowMs()) };
  return notification(context, identity, { source: "deviceConnectionStateEvents", opType, body });
}

export function twinEvent(
  context: HubContext,
  identity: Identity,
  change: { opType: "updateTwin" | "replaceTwin"; body: JsonObject },
): NewEvent {
  const schema = "twinChangeNotification";
  return notification(context, identity, { source: "twinChangeEvents", ...change, schema });
}
