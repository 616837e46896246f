// Flash log: power cuts survived, mutants killed, write amplification, and how many years a ring lasts.
import { FlashLog } from "../../firmware/telemetry/log/flash-log.ts";
import type { LogClass } from "../../firmware/telemetry/log/types.ts";
import { judgeMutants, mutantTable } from "../support/log-mutants.ts";
import { AFTER, AFTER_REAL, REAL, realBytes, scriptOf, TIGHT } from "../support/log-scripts.ts";
import { type SweepResult, sweep } from "../support/log-sweep.ts";
import { ERASE_FORMS, PROGRAM_FORMS, TornFlash } from "../support/torn-flash.ts";
import { meterLog } from "./log-meter.ts";

const SEEDS = 4;
const RING_SECTORS = 64;
const SECTOR_BYTES = 4096;
/** Erase cycles that makers of NOR flash promise. */
const CYCLES = 100_000;
const DAYS_PER_YEAR = 365.25;
/** What the log promises for records of 64 bytes in units of 4. */
const AMPLIFICATION_MAX = 1.25;
/** SPEC.md of the log: a header without losses, and a watermark after so many records. */
const SECTOR_HEAD_BYTES = 40;
const WATERMARK_BYTES = 28;
const ACKS_MAX = 32;

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
function amplification(bytes: number, unitBytes: number): { programmed: number; erased: number } {
  const flash = ring(unitBytes);
  const count = Math.ceil((3 * flash.sizeBytes) / bytes);
  work(flash, bytes, count, 100);
  const payload = bytes * count;
  return {
    programmed: round(flash.programmedBytes / payload),
    erased: round((sum(flash.erases) * SECTOR_BYTES) / payload),
  };
}

/** By size of the record, then by program unit; `least`: a record cannot take fewer units than its payload and one byte. */
function amplifications(): Record<string, Record<string, object>> {
  const table: Record<string, Record<string, object>> = {};
  for (const bytes of [64, 512, 900, 1900, 3900]) {
    const row: Record<string, object> = {};
    for (const unit of [4, 8, 16, 32]) {
      const least = round((Math.ceil((bytes + 1) / unit) * unit) / bytes);
      row[`units of ${unit}`] = { ...amplification(bytes, unit), least };
    }
    table[bytes] = row;
  }
  return table;
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
  offline144kBPerDay: { days: 60, records: [{ logClass: 1, bytes: 100, perDay: 1440 }] },
  offline1kBPerSecond: { days: 0.1, records: [{ logClass: 2, bytes: 500, perDay: 172_800 }] },
};

interface Life {
  years: number;
  /** README.md of the log. */
  yearsByFormula: number;
  eraseSpread: number;
}

function years(workload: Workload): Life {
  const { days, records } = workload;
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
  return {
    years: round((CYCLES * days) / worst / DAYS_PER_YEAR),
    yearsByFormula: round(yearsByFormula(workload)),
    eraseSpread: worst - Math.min(...flash.erases),
  };
}

/** Cycles and sectors, over the sectors that a day's records and watermarks fill. */
function yearsByFormula({ records }: Workload): number {
  const room = SECTOR_BYTES - SECTOR_HEAD_BYTES;
  let sectorsPerDay = 0;
  for (const { bytes, perDay } of records) {
    const recordsPerSector = Math.floor(room / (4 * Math.ceil((12 + bytes) / 4)));
    sectorsPerDay += perDay / recordsPerSector;
    sectorsPerDay += ((perDay / ACKS_MAX) * WATERMARK_BYTES) / room;
  }
  return (CYCLES * RING_SECTORS) / sectorsPerDay / DAYS_PER_YEAR;
}

function cut(results: readonly SweepResult[]): SweepResult {
  const total = { cuts: 0, cutsInRecovery: 0, operations: 0, lost: 0, turns: 0 };
  for (const result of results) {
    for (const key of Object.keys(total) as (keyof SweepResult)[]) total[key] += result[key];
  }
  return total;
}

function sweeps(): { small: SweepResult; real: SweepResult } {
  const open = (options: ConstructorParameters<typeof FlashLog>[0]) => new FlashLog(options);
  const small = { open, shape: TIGHT, after: AFTER, acksMax: 8, depthEvery: 100 };
  const real = { open, shape: REAL, after: AFTER_REAL, payloadBytes: realBytes, acksMax: 8 };
  const seeds = Array.from({ length: SEEDS }, (_, i) => i + 1);
  return {
    small: cut(seeds.map((seed) => sweep({ ...small, script: scriptOf(seed, 60) }))),
    real: sweep({ ...real, depthEvery: 25, script: scriptOf(2, 18) }),
  };
}

/** Promises that these figures do not keep. */
function missedOf(
  mutants: { killed: number; total: number; explained: number },
  programmed: number,
  lives: Readonly<Record<string, Life>>,
): string[] {
  const missed: string[] = [];
  if (PROGRAM_FORMS.length < 6 || ERASE_FORMS.length < 5) missed.push("torn forms: too few");
  if (mutants.killed < 20) missed.push(`mutants: ${mutants.killed} killed, 20 wanted`);
  const silent = mutants.total - mutants.killed - mutants.explained;
  if (silent > 0) missed.push(`mutants: ${silent} survive without an explanation`);
  if (programmed > AMPLIFICATION_MAX) {
    missed.push(`amplification: ${programmed} at 64 bytes, at most ${AMPLIFICATION_MAX}`);
  }
  for (const [name, { years: lived, yearsByFormula: expected, eraseSpread }] of Object.entries(
    lives,
  )) {
    if (eraseSpread > 1) missed.push(`${name}: erases differ by ${eraseSpread}, at most 1`);
    if (Math.abs(lived / expected - 1) > 0.05) {
      missed.push(`${name}: ${lived} years, by formula ${expected}`);
    }
  }
  return missed;
}

export async function run(): Promise<object> {
  const cuts = sweeps();
  const verdicts = await judgeMutants(2);
  process.stderr.write(`${mutantTable(verdicts)}\n`);
  const mutants = {
    total: verdicts.length,
    killed: verdicts.filter((one) => one.killedBy !== undefined).length,
    explained: verdicts.filter((one) => !one.killedBy && one.equivalent).length,
  };
  const table = amplifications();
  const lives = Object.fromEntries(
    Object.entries(workloads).map(([name, workload]) => [name, years(workload)]),
  );
  const { programmed } = amplification(64, 4);
  return {
    cuts: cuts.small.cuts + cuts.real.cuts,
    cutsInRecovery: cuts.small.cutsInRecovery + cuts.real.cutsInRecovery,
    tornForms: { program: PROGRAM_FORMS.length, erase: ERASE_FORMS.length },
    sweeps: cuts,
    mutants,
    amplification: table,
    engine: await meterLog(),
    ringBytes: RING_SECTORS * SECTOR_BYTES,
    workloads: lives,
    missed: missedOf(mutants, programmed, lives),
  };
}
