// The channels of a model by priority: those that travel together in one batch.
import type { ModelSpec, TelemetrySpec } from "../../firmware/model/types.ts";
import type { LogClass } from "../../firmware/telemetry/log/types.ts";

/** Channels that travel together: those of one priority. */
export interface ChannelGroup {
  readonly logClass: LogClass;
  readonly names: readonly string[];
  readonly specs: Readonly<Record<string, TelemetrySpec>>;
}

const PRIORITIES = ["critical", "normal", "bulk"] as const;

/** The channels of a model by priority, in the order of the model; empty priorities are left out. */
export function channelGroups({ telemetry = {} }: ModelSpec): ChannelGroup[] {
  return PRIORITIES.map((priority, i) => {
    const own = Object.entries(telemetry).filter(
      ([, spec]) => (spec.priority ?? "normal") === priority,
    );
    const names = own.map(([name]) => name);
    return { logClass: i as LogClass, names, specs: Object.fromEntries(own) };
  }).filter(({ names }) => names.length > 0);
}
