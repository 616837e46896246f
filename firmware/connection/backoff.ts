/** When to try again: full-jitter exponential backoff (AWS "Exponential Backoff and Jitter") on separate ladders. */
import type { Random } from "../ports/random.ts";

/** One ladder: the n-th delay is uniform in [low, high] times min(cap, base · 2^n). */
interface Ladder {
  readonly baseMs: number;
  readonly capMs: number;
  readonly low: number;
  readonly high: number;
}

const MINUTE_MS = 60_000;

/**
 * `network` spreads from zero, so that a fleet fills the gap evenly; `throttled` never comes back at once;
 * `takeover` leaves the other client time to be noticed; `identity` is for what only a person can mend.
 */
export const LADDERS = {
  network: { baseMs: 1000, capMs: 5 * MINUTE_MS, low: 0, high: 1 },
  throttled: { baseMs: 20_000, capMs: 10 * MINUTE_MS, low: 0.5, high: 1 },
  takeover: { baseMs: 30_000, capMs: 10 * MINUTE_MS, low: 0.5, high: 1 },
  identity: { baseMs: 5 * MINUTE_MS, capMs: 60 * MINUTE_MS, low: 0.75, high: 1.25 },
} as const satisfies Record<string, Ladder>;

export type Pace = keyof typeof LADDERS;

/** A session must last this long before its ladders start from the bottom again. */
export const HEALTHY_AFTER_MS = 2 * MINUTE_MS;
/** A longer retry-after than this is taken as this. */
export const RETRY_AFTER_MAX_MS = 60 * MINUTE_MS;
/** Devices that were given the same retry-after spread over this share of it, on top. */
const RETRY_AFTER_SPREAD = 0.25;
/** Doubling stops here; every ladder has met its cap long before. */
const STEPS_MAX = 20;

/** Uniform in [0, 1). */
export function randomShare(random: Random): number {
  const bytes = new Uint8Array(4);
  random.fill(bytes);
  return (((bytes[0]! * 256 + bytes[1]!) * 256 + bytes[2]!) * 256 + bytes[3]!) / 2 ** 32;
}

export class Backoff {
  private readonly random: Random;
  private readonly steps: Partial<Record<Pace, number>> = {};

  constructor(random: Random) {
    this.random = random;
  }

  /** Delay before the next attempt; a retry-after from the service is never undercut. */
  nextMs(pace: Pace, retryAfterMs = 0): number {
    const { baseMs, capMs, low, high } = LADDERS[pace];
    const step = this.steps[pace] ?? 0;
    this.steps[pace] = Math.min(step + 1, STEPS_MAX);
    const share = randomShare(this.random);
    const delayMs = Math.min(capMs, baseMs * 2 ** step) * (low + share * (high - low));
    const askedMs = Math.min(retryAfterMs, RETRY_AFTER_MAX_MS);
    return Math.round(Math.max(delayMs, askedMs * (1 + share * RETRY_AFTER_SPREAD)));
  }

  /** To be called only after HEALTHY_AFTER_MS of an unbroken session: a CONNACK alone proves nothing. */
  reset(): void {
    for (const pace of Object.keys(this.steps)) delete this.steps[pace as Pace];
  }
}
