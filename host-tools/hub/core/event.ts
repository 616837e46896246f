// One event of the hub's stream: device telemetry or a notification of the hub's own; IoT Hub system properties.
import { isoTime } from "./environment.ts";

/** `iothub-message-source` of the cloud's routing. */
export type EventSource =
  | "Telemetry"
  | "twinChangeEvents"
  | "deviceLifecycleEvents"
  | "deviceConnectionStateEvents";

/** What one connection stamps on all its messages; shared by them, never changed. */
export interface EventOrigin {
  readonly deviceId: string;
  readonly moduleId?: string | undefined;
  readonly generationId: string;
  /** JSON text `{"scope","type","issuer"}`; empty for the hub's own events. */
  readonly authMethod: string;
  /** Announced model (`dt-dataschema`). */
  readonly modelId?: string | undefined;
}

/** Values of a property bag; null is a key without a value. */
export type Properties = { readonly [name: string]: string | null };

export interface HubEvent {
  /** 1, 2, 3… over the life of the hub, restarts included. */
  readonly sequenceNumber: number;
  readonly partition: number;
  readonly enqueuedMs: number;
  readonly source: EventSource;
  readonly origin: EventOrigin;
  readonly body: Uint8Array;
  /** Set by the device: message-id, correlation-id, user-id, content-type, content-encoding, dt-subject, … */
  readonly systemProperties: Properties;
  /** Application properties (of twin and lifecycle events: opType, hubName, …). */
  readonly properties: Properties;
}

/** The properties the hub itself stamps, by their Event Hubs names. */
export function annotationsOf(event: HubEvent): Record<string, string> {
  const { origin } = event;
  const annotations: Record<string, string> = {
    "iothub-connection-device-id": origin.deviceId,
    "iothub-enqueuedtime": isoTime(event.enqueuedMs),
    "iothub-message-source": event.source,
  };
  if (origin.moduleId !== undefined) annotations["iothub-connection-module-id"] = origin.moduleId;
  if (origin.generationId !== "") {
    annotations["iothub-connection-auth-generation-id"] = origin.generationId;
  }
  if (origin.authMethod !== "") annotations["iothub-connection-auth-method"] = origin.authMethod;
  if (origin.modelId !== undefined) annotations["dt-dataschema"] = origin.modelId;
  return annotations;
}
