// What sweeps of the flash log do, and the shapes of flash they do it on.
import type { LogClass } from "../../firmware/telemetry/log/types.ts";
import type { PayloadBytes } from "./log-oracle.ts";
import { type FlashShape, mixer } from "./torn-flash.ts";

/** `fill` stores, `drain` reads and acknowledges, `save` writes the watermark, `tell` reports losses, `boot` restarts. */
export type Step =
  | { do: "store"; logClass: LogClass; count: number }
  | { do: "drain"; count: number }
  | { do: "save" }
  | { do: "tell" }
  | { do: "boot" };

const store = (logClass: LogClass, count: number): Step => ({ do: "store", logClass, count });
const drain = (count: number): Step => ({ do: "drain", count });

/** Fills, overflows, drains and restarts a small ring, by seed. */
export function scriptOf(seed: number, steps: number): Step[] {
  const next = mixer(seed);
  const script: Step[] = [store(2, 8), store(1, 12), store(0, 3), drain(4)];
  for (let i = 0; i < steps; i++) {
    const roll = next() % 16;
    if (roll < 9) script.push(store((roll % 3) as LogClass, 1 + (next() % 9)));
    else if (roll < 12) script.push(drain(1 + (next() % 10)));
    else if (roll < 13) script.push({ do: "save" });
    else if (roll < 14) script.push({ do: "tell" });
    else script.push({ do: "boot" });
  }
  return script;
}

/** Work between two boots: every class gets records, some are acknowledged, the watermark is written. */
export const AFTER: readonly Step[] = [
  store(1, 3),
  store(0, 1),
  drain(9),
  { do: "save" },
  store(2, 2),
];

export const SMALL: FlashShape = { sectorBytes: 512, sectorCount: 9, pageBytes: 256, unitBytes: 4 };

/** As few sectors as there may be: the ring turns soon. */
export const TIGHT: FlashShape = { ...SMALL, sectorCount: 6 };

/** What a device has: sectors of 4 KB, pages of 256 bytes. */
export const REAL: FlashShape = { sectorBytes: 4096, sectorCount: 6, pageBytes: 256, unitBytes: 4 };

/** Critical readings of 64 bytes, normal batches up to a page and more, bulk up to a full block. */
export const realBytes: PayloadBytes = (logClass, sequence, random) => {
  if (logClass === 0) return 64;
  if (logClass === 1) return 64 + (random % 800);
  return sequence % 9 === 8 ? 3900 : 200 + (random % 1700);
};

/** As `AFTER`, with as little as shows that every class goes on. */
export const AFTER_REAL: readonly Step[] = [store(1, 1), store(0, 1), drain(3), { do: "save" }];
