// Lets virtual time pass for devices that run in this process.
import type { World } from "../../host-tools/sim/world.ts";

/** Lets promise reactions run, without time passing. */
async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await Promise.resolve();
}

/** Lets `durationMs` pass; promises settle between the events of the world. */
export async function runWorld({ clock }: World, durationMs: number): Promise<void> {
  const endMs = clock.nowMs + durationMs;
  for (;;) {
    await settle();
    const nextMs = clock.nextMs();
    if (nextMs > endMs) break;
    clock.runUntil(nextMs);
  }
  clock.runUntil(endMs);
  await settle();
}
