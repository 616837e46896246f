// How a hub is made; every part has a default that suits a local hub.
import type { HubEnvironment } from "./environment.ts";
import type { HubStore } from "./store.ts";
import type { TierName } from "./tier-table.ts";

export interface HubOptions {
  environment: HubEnvironment;
  /** Default: in memory. */
  store?: HubStore;
  /** The hub's own name, e.g. `localhost` or `godwit.azure-devices.net`. */
  hostName: string;
  /** Other names it answers to: `localhost:8883`, gateway aliases. A port after any name is accepted. */
  aliases?: readonly string[];
  /** What devices get from DPS as `assignedHub`; default `hostName`. A function: the port may be known later. */
  assignedHub?: string | (() => string);
  /** How often DPS answers a poll with "assigning" before the result; default 0. */
  assigningPolls?: number;
  /** Seconds between a registration and the first poll, as DPS asks for; default 3, as the cloud's. */
  dpsRetryAfterS?: number;
  /** Default "S1". Throttles and quotas follow. */
  tier?: TierName;
  units?: number;
  /** Default false: a local hub counts but does not throttle; true enforces the tier's limits. */
  enforceThrottles?: boolean;
  /** Events kept in memory for late readers; default 10,000 and 64 MB. Overflow: dropOldest. */
  eventsMax?: number;
  eventBytesMax?: number;
}
