// Faults that a served board can be told to have, by name: what each number means, and what it does.
import { realClock } from "../../serial/clock.ts";
import { lineFault, lineFaultNames, seededRandom } from "./faults.ts";
import type { WireFault } from "./wire.ts";

interface Meaning {
  /** share: 0 to 1 of the frames that go to the board; count and ms: any number from 0. */
  readonly unit: "share" | "count" | "ms";
  readonly what: string;
}

export const benchFaults = {
  drop: { unit: "share", what: "frames that are lost" },
  duplicate: { unit: "share", what: "frames that arrive twice" },
  corrupt: { unit: "share", what: "frames with a flipped bit" },
  split: { unit: "share", what: "frames that arrive in two parts" },
  unplug: { unit: "share", what: "frames after which the plug is out for two seconds" },
  "wrong-serial": {
    unit: "share",
    what: "as unplug, and the board comes back with another USB serial number",
  },
  swap: {
    unit: "share",
    what: "frames after which another board (another MAC) has the port's name",
  },
  "slow-erase": { unit: "ms", what: "for each erased sector" },
  "slow-reset": { unit: "ms", what: "until the chip starts after a reset" },
  stuck: { unit: "count", what: "resets that start the application instead of the bootloader" },
} as const satisfies Record<string, Meaning>;

export type BenchFault = keyof typeof benchFaults;
export type BenchFaults = Readonly<Partial<Record<BenchFault, number>>>;

const unpluggedMs = 2000;

/** What the hand at the cable does. */
export interface CableHand {
  unplug(): void;
  plug(): void;
  /** The board made up another serial number. */
  renumber(): void;
  /** The other board gets the name. */
  swap(): void;
}

/** The faults of the line; undefined when none of them is wanted. */
export function benchWireFault(
  faults: BenchFaults,
  seed: number,
  hand: CableHand,
): WireFault | undefined {
  const handFaults = ["unplug", "wrong-serial", "swap"] as const;
  const wanted = [...lineFaultNames, ...handFaults].some((name) => (faults[name] ?? 0) > 0);
  if (!wanted) return undefined;
  const line = lineFault(faults, seed);
  const random = seededRandom(seed + 1);
  const hits = (rate: number | undefined) => rate !== undefined && rate > 0 && random() < rate;
  const outAndIn = (before: () => void) => {
    realClock.after(0, () => {
      hand.unplug();
      before();
    });
    realClock.after(unpluggedMs, () => hand.plug());
  };
  return (bytes, direction) => {
    if (direction === "toBoard") {
      if (hits(faults.unplug)) outAndIn(() => {});
      if (hits(faults["wrong-serial"])) outAndIn(() => hand.renumber());
      if (hits(faults.swap)) realClock.after(0, () => hand.swap());
    }
    return line(bytes, direction);
  };
}
