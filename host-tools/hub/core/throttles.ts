// Throttles and the daily quota of a tier (IoT Hub docs "Quotas and throttling"): token buckets and a meter.
import { HubError } from "./hub-error.ts";
import { TIERS, type Tier, type TierName } from "./tier-table.ts";

export type ThrottleKind =
  | "connect"
  | "send"
  | "twinRead"
  | "twinUpdate"
  | "cloudToDevice"
  | "method"
  | "query"
  | "identity";

export interface ThrottleOptions {
  nowMs: () => number;
  tier: TierName;
  units: number;
  /** False: everything is counted, nothing is refused. */
  enforce: boolean;
}

interface Bucket {
  perMs: number;
  capacity: number;
  level: number;
  filledMs: number;
}

export interface MeterReading {
  /** Metered messages since midnight UTC. */
  messages: number;
  messagesPerDay: number;
  /** Bytes as sent, before rounding up to blocks. */
  bytes: number;
}

const DAY_MS = 86_400_000;

export class Throttles {
  readonly #options: ThrottleOptions;
  readonly #tier: Tier;
  readonly #buckets = new Map<ThrottleKind, Bucket>();
  #day = -1;
  #messages = 0;
  #bytes = 0;

  constructor(options: ThrottleOptions) {
    this.#options = options;
    this.#tier = TIERS[options.tier];
    const nowMs = options.nowMs();
    for (const [kind, perMs] of rates(this.#tier, options.units)) {
      // A bucket holds one second, or what a minute's worth of a slow kind allows at once.
      const capacity = Math.max(perMs * 1000, Math.min(perMs * 60_000, 20));
      this.#buckets.set(kind, { perMs, capacity, level: capacity, filledMs: nowMs });
    }
  }

  /**
   * Takes `amount` from a bucket. Returns 0, or the milliseconds until there is room again; what
   * was refused has not been taken.
   */
  waitMs(kind: ThrottleKind, amount = 1): number {
    if (!this.#options.enforce) return 0;
    const bucket = this.#filled(kind);
    // An amount above the capacity passes when the bucket is full and leaves a debt.
    if (bucket.level >= Math.min(amount, bucket.capacity)) {
      bucket.level -= amount;
      return 0;
    }
    return Math.ceil((Math.min(amount, bucket.capacity) - bucket.level) / bucket.perMs);
  }

  /** Takes 1 on credit and returns the milliseconds until the debt is paid: shapes, never refuses. */
  shapeMs(kind: ThrottleKind): number {
    if (!this.#options.enforce) return 0;
    const bucket = this.#filled(kind);
    bucket.level -= 1;
    return bucket.level >= 0 ? 0 : Math.ceil(-bucket.level / bucket.perMs);
  }

  #filled(kind: ThrottleKind): Bucket {
    const bucket = this.#buckets.get(kind)!;
    const nowMs = this.#options.nowMs();
    const elapsedMs = Math.max(0, nowMs - bucket.filledMs);
    bucket.level = Math.min(bucket.capacity, bucket.level + elapsedMs * bucket.perMs);
    bucket.filledMs = nowMs;
    return bucket;
  }

  /** @throws HubError 429001 with the time to wait. */
  demand(kind: ThrottleKind, amount = 1): void {
    const waitMs = this.waitMs(kind, amount);
    if (waitMs === 0) return;
    throw new HubError(
      429001,
      `too many operations of kind "${kind}" for ${this.#options.units} unit(s) of ${this.#options.tier}; wait ${waitMs} ms`,
      { retryAfterS: Math.ceil(waitMs / 1000) },
    );
  }

  /** Charges a message of `byteCount`: every started meter block is one message. */
  charge(byteCount: number): void {
    const day = Math.floor(this.#options.nowMs() / DAY_MS);
    if (day !== this.#day) {
      this.#day = day;
      this.#messages = 0;
      this.#bytes = 0;
    }
    this.#messages += Math.max(1, Math.ceil(byteCount / this.#tier.meterBlockBytes));
    this.#bytes += byteCount;
  }

  /** @throws HubError 403002 when the day's messages are used up and limits are enforced. */
  demandQuota(): void {
    const { messages, messagesPerDay } = this.reading();
    if (!this.#options.enforce || messages < messagesPerDay) return;
    throw new HubError(
      403002,
      `the daily quota of ${messagesPerDay} messages is used up until midnight UTC`,
    );
  }

  reading(): MeterReading {
    const isToday = Math.floor(this.#options.nowMs() / DAY_MS) === this.#day;
    return {
      messages: isToday ? this.#messages : 0,
      messagesPerDay: this.#tier.messagesPerDay * this.#options.units,
      bytes: isToday ? this.#bytes : 0,
    };
  }
}

function rates(tier: Tier, units: number): [ThrottleKind, number][] {
  const perSecond = ([floor, perUnit]: readonly [number, number]): number =>
    Math.max(floor, perUnit * units) / 1000;
  const perMinute = (count: number): number => (count * units) / 60_000;
  return [
    ["connect", perSecond(tier.connectsPerSecond)],
    ["send", perSecond(tier.sendsPerSecond)],
    ["twinRead", perSecond(tier.twinReadsPerSecond)],
    ["twinUpdate", perSecond(tier.twinUpdatesPerSecond)],
    ["cloudToDevice", perMinute(tier.cloudToDevicePerMinute)],
    ["method", (tier.methodBytesPerSecond * units) / 1000],
    ["query", perMinute(tier.queriesPerMinute)],
    ["identity", perMinute(tier.identityOperationsPerMinute)],
  ];
}
