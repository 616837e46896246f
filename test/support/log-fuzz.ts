// Flash images of the log, damaged at random: whatever stands there, mounting gives true records or none.
import type { FlashLog } from "../../firmware/telemetry/log/flash-log.ts";
import type { LogClass } from "../../firmware/telemetry/log/types.ts";
import { LOG_CLASSES, payloadOf } from "./log-oracle.ts";
import { REAL, SMALL } from "./log-scripts.ts";
import type { OpenLog } from "./log-sweep.ts";
import type { Seeded } from "./seeded.ts";
import { TornFlash } from "./torn-flash.ts";

export interface FuzzResult {
  images: number;
  /** Read back true, and reported as unreadable. */
  records: number;
  missing: number;
  events: number;
}

/** Kinds of damage, each to a place of the image: chance and wear, an overwrite, a driver that mixes up sectors. */
const DAMAGES: Readonly<Record<string, (flash: TornFlash, random: Seeded) => void>> = {
  flipBits({ bytes }, random) {
    for (let i = 1 + random.int(40); i > 0; i--)
      bytes[random.int(bytes.length)]! ^= 1 << random.int(8);
  },
  overwrite({ bytes }, random) {
    const at = random.int(bytes.length);
    bytes.set(random.bytes(Math.min(1 + random.int(600), bytes.length - at)), at);
  },
  blank({ bytes }, random) {
    const at = random.int(bytes.length);
    bytes.fill(random.pick([0, 255]), at, at + 1 + random.int(900));
  },
  mixUpSectors({ bytes, sectorBytes, erases }, random) {
    const [from, to] = [random.int(erases.length), random.int(erases.length)];
    bytes.copyWithin(to * sectorBytes, from * sectorBytes, (from + 1) * sectorBytes);
  },
  shiftBytes({ bytes }, random) {
    const at = random.int(bytes.length - 700);
    bytes.copyWithin(at + random.int(64), at, at + 1 + random.int(600));
  },
};

/** A log with a past: full in part, acknowledged in part, over several boots. */
function aged(open: OpenLog, random: Seeded): TornFlash {
  const shape = random.chance(0.3) ? { ...REAL, sectorCount: 8 } : SMALL;
  const unitBytes = random.pick([4, 16, 32]);
  const flash = new TornFlash({ ...shape, unitBytes });
  for (let boot = 1; boot < 4; boot++) {
    const log = open({ flash, bootId: boot, unitBytes, acksMax: 8 });
    for (let i = random.int(60); i > 0; i--) {
      const logClass = random.int(3) as LogClass;
      log.append(logClass, i, payloadOf(logClass, boot, i));
      const entry = random.chance(0.4) ? log.next() : undefined;
      if (entry) log.acknowledge(entry.logClass, entry.ordinal);
    }
  }
  return flash;
}

/** @throws Error for a record that was never stored */
function readAll(log: FlashLog, result: FuzzResult): number {
  log.rewind();
  let count = 0;
  for (const logClass of LOG_CLASSES) {
    let last = -1;
    for (let entry = log.next(logClass); entry; entry = log.next(logClass)) {
      const { bootId, sequence, payload, ordinal } = entry;
      if (entry.logClass !== logClass || ordinal <= last) {
        throw new Error(`ordinal ${ordinal} of class ${entry.logClass} behind ${last}`);
      }
      last = ordinal;
      result.missing += entry.missing;
      if (!payload) continue;
      count++;
      if (sequence > 60 || Buffer.compare(payload, payloadOf(logClass, bootId, sequence)) !== 0) {
        throw new Error(`false record ${logClass}/${bootId}/${sequence}`);
      }
    }
  }
  result.records += count;
  return count;
}

/** Damages `images` aged logs; each is mounted, read, written to and mounted again. @throws Error, naming the image */
export function fuzzLog(open: OpenLog, images: number, random: Seeded): FuzzResult {
  const result: FuzzResult = { images, records: 0, missing: 0, events: 0 };
  for (let image = 0; image < images; image++) {
    const flash = aged(open, random);
    const kinds: string[] = [];
    for (let i = 1 + random.int(3); i > 0; i--) {
      const kind = random.pick(Object.keys(DAMAGES));
      kinds.push(kind);
      DAMAGES[kind]!(flash, random);
    }
    try {
      prove(open, flash, result);
    } catch (error) {
      throw new Error(`image ${image} (${kinds}): ${(error as Error).message}`, { cause: error });
    }
  }
  return result;
}

function prove(open: OpenLog, damaged: TornFlash, result: FuzzResult): void {
  // The damage has set bits that stand for programmed units: a chip would not mind, the model would.
  const flash = new TornFlash({ ...damaged, sectorCount: damaged.erases.length }, damaged.bytes);
  const { unitBytes } = flash;
  const onFault = () => {
    result.events++;
  };
  const log = open({ flash, bootId: 5, unitBytes, onFault });
  readAll(log, result);
  const isStored = LOG_CLASSES.map((i) => {
    const before = log.lost(i)?.count ?? 0;
    const isTaken = log.append(i, 1, payloadOf(i, 5, 1));
    if (!isTaken && log.lost(i)?.count !== before + 1)
      throw new Error(`class ${i}: lost in silence`);
    return isTaken;
  });
  if (!isStored[0]) throw new Error("a critical record is refused");
  log.save();
  const again = open({ flash, bootId: 6, unitBytes });
  for (const logClass of LOG_CLASSES) {
    let isFound = false;
    for (let entry = again.next(logClass); entry; entry = again.next(logClass)) {
      isFound ||= entry.bootId === 5 && entry.payload !== undefined;
    }
    // To make room for a higher class, what was stored last may have gone again.
    const isGone = isFound !== isStored[logClass] && !again.lost(logClass);
    if (isGone)
      throw new Error(`class ${logClass}: stored ${isStored[logClass]}, found ${isFound}`);
  }
  readAll(again, result);
}
