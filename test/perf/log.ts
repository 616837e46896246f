// Flash log: power cuts survived, mutants killed, write amplification, and how many years a ring lasts.
import { FlashLog } from "../../firmware/telemetry/log/flash-log.ts";
import type { LogClass } from "../../firmware/telemetry/log/types.ts";
import { judgeMutants, mutantTable, type Verdict } from "../support/log-mutants.ts";
import { AFTER, scriptOf, TIGHT } from "../support/log-scripts.ts";
import { sweep } from "../support/log-sweep.ts";
import { TornFlash } from "../support/torn-flash.ts";
import { meterLog } from "./log-meter.ts";

const SEEDS = 4;
const RING_SECTORS = 64;
const SECTOR_BYTES = 4096;
/** Erase cycles that makers of NOR flash promise. */
const CYCLES = 100_000;
const DAYS_PER_YEAR = 365.25;
/** Bytes programmed per byte of payload in records of 64 bytes. */
const AMPLIFICATION_MAX = 1.25;

function ring(unitBytes: number): TornFlash {
  return new TornFlash({
    ...{ sectorBytes: SECTOR_BYTES, sectorCount: RING_SECTORS, pageBytes: 256 },
    unitBytes,
  });
}

function sum(counts: Uint32Array): number {
  return counts.reduce((total, count) => total + count, 0);
}

/** Stores `count` records; of each `backlog` kept, the oldest is acknowledged. */
function work(flash: TornFlash, bytes: number, count: number, backlog: number): FlashLog {
  const log = new FlashLog({ flash, bootId: 1, unitBytes: flash.unitBytes });
  const payload = new Uint8Array(bytes).fill(0x5a);
  for (let i = 0; i < count; i++) {
    log.append(1, i, payload);
    if (log.pending(1) > backlog) log.acknowledge(1, log.next(1)!.ordinal);
  }
  return log;
}

/** Bytes programmed, and bytes erased, per byte of payload; acknowledged one by one. */
function amplification(bytes: number, unitBytes = 4): { programmed: number; erased: number } {
  const flash = ring(unitBytes);
  const count = Math.ceil((3 * flash.sizeBytes) / bytes);
  work(flash, bytes, count, 100);
  const payload = bytes * count;
  return {
    programmed: round(flash.programmedBytes / payload),
    erased: round((sum(flash.erases) * SECTOR_BYTES) / payload),
  };
}

function round(value: number): number {
  return Number(value.toPrecision(4));
}

interface Workload {
  readonly days: number;
  /** What is stored per day: class, size, and how often. */
  readonly records: readonly { logClass: LogClass; bytes: number; perDay: number }[];
}

const workloads: Readonly<Record<string, Workload>> = {
  /** Connected but for an hour a day; 20 critical readings are stored before they are sent. */
  onlineWithDailyOutage: {
    days: 1500,
    records: [
      { logClass: 0, bytes: 48, perDay: 20 },
      { logClass: 1, bytes: 900, perDay: 12 },
    ],
  },
  /** Never connected long enough: everything goes through flash. */
  offline144kBPerDay: { days: 20, records: [{ logClass: 1, bytes: 100, perDay: 1440 }] },
  offline1kBPerSecond: { days: 0.1, records: [{ logClass: 2, bytes: 500, perDay: 172_800 }] },
};

function years({ days, records }: Workload): object {
  const flash = ring(4);
  const log = new FlashLog({ flash, bootId: 1 });
  let sequence = 0;
  for (let day = 0; day < days; day++) {
    for (const { logClass, bytes, perDay } of records) {
      const payload = new Uint8Array(bytes);
      for (let i = 0; i < perDay * Math.min(1, days); i++)
        log.append(logClass, sequence++, payload);
    }
    for (let entry = log.next(); entry; entry = log.next()) {
      log.acknowledge(entry.logClass, entry.ordinal);
    }
  }
  const worst = Math.max(...flash.erases);
  const fewest = Math.min(...flash.erases);
  return { years: round((CYCLES * days) / worst / DAYS_PER_YEAR), eraseSpread: worst - fewest };
}

function missedGoals(verdicts: readonly Verdict[], amplified: number): string[] {
  const alive = verdicts.filter((one) => !one.killedBy && !one.equivalent);
  return [
    ...alive.map(({ name }) => `mutant '${name}' survives without an explanation`),
    ...(amplified <= AMPLIFICATION_MAX
      ? []
      : [`amplification ${amplified} at 64 bytes, at most ${AMPLIFICATION_MAX}`]),
  ];
}

export async function run(): Promise<object> {
  const cuts = { cuts: 0, cutsInRecovery: 0, operations: 0, lost: 0 };
  const open = (options: ConstructorParameters<typeof FlashLog>[0]) => new FlashLog(options);
  for (let seed = 1; seed <= SEEDS; seed++) {
    const options = { open, shape: TIGHT, after: AFTER, acksMax: 8, depthEvery: 100 };
    const result = sweep({ ...options, script: scriptOf(seed, 60) });
    for (const key of Object.keys(cuts) as (keyof typeof cuts)[]) cuts[key] += result[key];
  }
  const verdicts = await judgeMutants(2);
  process.stderr.write(`${mutantTable(verdicts)}\n`);
  const killed = verdicts.filter((one) => one.killedBy !== undefined).length;
  const small = amplification(64);
  return {
    cuts: cuts.cuts,
    cutsInRecovery: cuts.cutsInRecovery,
    mutants: {
      total: verdicts.length,
      killed,
      explained: verdicts.filter((one) => !one.killedBy && one.equivalent).length,
    },
    amplification: {
      "64": small,
      "512": amplification(512),
      "1900": amplification(1900),
      "3900": amplification(3900),
      "64 in units of 16": amplification(64, 16),
      "64 in units of 32": amplification(64, 32),
    },
    engine: await meterLog(),
    ringBytes: RING_SECTORS * SECTOR_BYTES,
    workloads: Object.fromEntries(
      Object.entries(workloads).map(([name, workload]) => [name, years(workload)]),
    ),
    missed: missedGoals(verdicts, small.programmed),
  };
}
