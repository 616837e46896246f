/** Backoff: distribution of the jitter, ladders that do not disturb each other, retry-after, reset. */
import { describe, expect, it } from "vitest";
import {
  Backoff,
  LADDERS,
  type Pace,
  RETRY_AFTER_MAX_MS,
} from "../../../firmware/connection/backoff.ts";
import { SeededRandom } from "../../../host-tools/sim/seeded-random.ts";

const FLEET = 4000;

/** The n-th delay (from 0) of each device of a fleet, sorted. */
function delaysOf(pace: Pace, step: number, retryAfterMs = 0): number[] {
  const random = new SeededRandom(2026, pace);
  return Array.from({ length: FLEET }, () => {
    const backoff = new Backoff(random);
    for (let i = 0; i < step; i++) backoff.nextMs(pace);
    return backoff.nextMs(pace, retryAfterMs);
  }).sort((a, b) => a - b);
}

describe.each(Object.keys(LADDERS) as Pace[])("ladder %s", (pace) => {
  const { baseMs, capMs, low, high } = LADDERS[pace];

  it.each([0, 1, 3, 30])("is uniform between its bounds at step %i", (step) => {
    const topMs = Math.min(capMs, baseMs * 2 ** step);
    const delays = delaysOf(pace, step);
    const widthMs = topMs * (high - low);
    for (const share of [0.1, 0.25, 0.5, 0.75, 0.9]) {
      const expectedMs = topMs * low + share * widthMs;
      expect(Math.abs(delays[Math.floor(share * FLEET)]! - expectedMs)).toBeLessThan(
        0.04 * widthMs,
      );
    }
    expect(delays[0]!).toBeGreaterThanOrEqual(Math.round(topMs * low));
    expect(delays.at(-1)!).toBeLessThanOrEqual(Math.round(topMs * high));
  });
});

describe("Backoff", () => {
  it("never undercuts a retry-after, spreads behind it, and bounds it", () => {
    const delays = delaysOf("throttled", 0, 60_000);
    expect(delays[0]!).toBeGreaterThanOrEqual(60_000);
    expect(delays.at(-1)!).toBeGreaterThan(70_000);
    expect(delays.at(-1)!).toBeLessThanOrEqual(75_000);
    const forged = delaysOf("throttled", 0, 1e12);
    expect(forged.at(-1)!).toBeLessThanOrEqual(RETRY_AFTER_MAX_MS * 1.25);
  });

  it("keeps the step of each ladder apart", () => {
    const backoff = new Backoff({ fill: (target) => target.fill(255) });
    for (let i = 0; i < 6; i++) backoff.nextMs("network");
    expect(backoff.nextMs("throttled")).toBe(20_000);
    expect(backoff.nextMs("network")).toBe(64_000);
    backoff.reset();
    expect(backoff.nextMs("network")).toBe(1000);
  });
});
