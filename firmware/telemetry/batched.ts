/** What an author writes to send telemetry in batches: `createDevice(model, platform, { telemetry: batched(deltaEncoding()) })`. */
import type { TelemetryEncoding } from "./encoder.ts";
import { Forwarder, type ForwarderOptions } from "./forwarder.ts";
import type { OpenTelemetry } from "./path.ts";

export type BatchedOptions = Omit<ForwarderOptions, "encoding">;

/**
 * Telemetry in batches that survive outages and, where the platform has flash, power cuts. A writable property
 * `batchLimits` of the model (`batchLimitsProperty`) adjusts the limits at run time.
 * `createDevice` throws GodwitError for channels, limits or flash that cannot work, naming what to change.
 */
export function batched(encoding: TelemetryEncoding, options: BatchedOptions = {}): OpenTelemetry {
  return (host) => new Forwarder(host, { ...options, encoding });
}
