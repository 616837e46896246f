/** When batches leave: windows and sizes, adjustable at run time (`batchLimitsProperty`). */
import { GodwitError } from "../codec/error.ts";

export interface BatchLimits {
  /** A critical reading waits at most this long for others. */
  readonly criticalLatencyMs: number;
  /** A normal reading waits at most this long for its block to fill. */
  readonly normalAgeMs: number;
  /** A bulk reading waits at most this long; 0: until its block is full, however long that takes. */
  readonly bulkAgeMs: number;
  /** Size at which a batch is closed: IoT Hub bills blocks of 4 KB (0.5 KB in the free tier), properties included. */
  readonly blockBytes: number;
  /** A channel with a deadband is sent after this time even if it rests. */
  readonly heartbeatMs: number;
}

export const BATCH_DEFAULTS: BatchLimits = {
  criticalLatencyMs: 1000,
  normalAgeMs: 300_000,
  bulkAgeMs: 0,
  blockBytes: 3840,
  heartbeatMs: 3_600_000,
};

const DAY_MS = 86_400_000;

const bounds: Readonly<Record<keyof BatchLimits, readonly [min: number, max: number]>> = {
  criticalLatencyMs: [0, 60_000],
  normalAgeMs: [1000, DAY_MS],
  bulkAgeMs: [0, 30 * DAY_MS],
  blockBytes: [64, 65_536],
  heartbeatMs: [1000, 30 * DAY_MS],
};

/** Name of the writable property that adjusts the limits, where a model has it. */
export const BATCH_LIMITS = "batchLimits";

/**
 * That property: `properties: { batchLimits: batchLimitsProperty }`. What the cloud sets goes beyond what the app asks
 * for; members that are absent are as the app wants them.
 */
export const batchLimitsProperty = {
  type: "object",
  partial: true,
  displayName: "Batch limits",
  writable: true,
  default: {},
  fields: {
    criticalLatencyMs: { type: "integer", min: 0, max: 60_000 },
    normalAgeMs: { type: "integer", min: 1000, max: DAY_MS },
    bulkAgeMs: { type: "long", min: 0, max: 30 * DAY_MS },
    blockBytes: { type: "integer", min: 64, max: 65_536 },
    heartbeatMs: { type: "long", min: 1000, max: 30 * DAY_MS },
  },
} as const;

/**
 * `limits` with the members of `change`.
 * @throws GodwitError `argument` naming the member that is unknown or out of range; nothing is changed then
 */
export function changeLimits(limits: BatchLimits, change: Partial<BatchLimits>): BatchLimits {
  const changed = { ...limits };
  for (const name of Object.keys(change) as (keyof BatchLimits)[]) {
    const value = change[name];
    if (value === undefined) continue;
    if (!Object.hasOwn(bounds, name)) {
      throw new GodwitError("argument", `batch limits: no member "${name}"`);
    }
    const [min, max] = bounds[name];
    if (!(Number.isInteger(value) && value >= min && value <= max)) {
      throw new GodwitError("argument", `batch limits: ${name} ${value}, must be ${min} to ${max}`);
    }
    changed[name] = value;
  }
  return changed;
}
