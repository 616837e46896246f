// Sizes of the delta codec on the nine recorded sets, beside the recorded sizes of other methods.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { decodeBatch } from "../../firmware/codec/delta/decoder.ts";
import { DeltaEncoder, type DeltaEncoderOptions } from "../../firmware/codec/delta/encoder.ts";
import type { Table } from "../../host-tools/telemetry/csv.ts";
import { readSets } from "../../host-tools/telemetry/training-sets.ts";

export const profiles = ["adaptive", "static"] as const;
export const batchRows = [32, 128, 512] as const;
export type Profile = (typeof profiles)[number];
export type BatchRows = (typeof batchRows)[number];

// The tests run as sources under vitest and compiled from build/ in the bench.
const here = fileURLToPath(new URL(".", import.meta.url));
const root = here.replace(/(build\/)?test\/perf\/$/, "");
const folder = `${root}test/data/telemetry/`;

export const sets: ReadonlyMap<string, Table> = readSets(folder);
export const baselines: Record<string, Record<string, Record<string, number>>> = JSON.parse(
  readFileSync(`${folder}baselines.json`, "utf8"),
);

/** Geometric mean at most this: the reference made 2 % worse (N = 32, 128, 512). */
export const floors: Record<Profile, Record<BatchRows, number>> = {
  adaptive: { 32: 4.63, 128: 3.71, 512: 3.38 },
  static: { 32: 4.67, 128: 3.79, 512: 3.53 },
};

/** What a good codec might reach: the reference made 5 % better. */
export const stretch: Record<Profile, Record<BatchRows, number>> = {
  adaptive: { 32: 4.32, 128: 3.46, 512: 3.16 },
  static: { 32: 4.36, 128: 3.54, 512: 3.3 },
};

export interface SizeOptions {
  /** One encoder for all batches, as on a device; otherwise a new one for each. Batches stand alone either way. */
  isKept?: boolean;
  priors?: string;
}

/** Bytes per row over all full batches of a set. @throws Error at the first value that does not come back */
export function bytesPerRow(
  table: Table,
  profile: Profile,
  rows: number,
  { isKept = false, priors }: SizeOptions = {},
): number {
  const options: DeltaEncoderOptions = {
    channels: table.names.map((name) => ({ name })),
    profile,
    tick: table.tick,
    rowsMax: rows,
    bytesMax: 250_000,
    ...(priors !== undefined && { priors }),
  };
  let encoder = new DeltaEncoder(options);
  let bytes = 0;
  let count = 0;
  for (let start = 0; start + rows <= table.rows.length; start += rows) {
    if (!isKept) encoder = new DeltaEncoder(options);
    for (let i = start; i < start + rows; i++) encoder.record(table.times[i]!, table.rows[i]!);
    const batch = encoder.take();
    if (batch.rows !== rows) throw new Error(`a batch of ${batch.rows} rows instead of ${rows}`);
    check(table, start, batch.bytes, priors);
    bytes += batch.bytes.length;
    count += batch.rows;
  }
  return bytes / count;
}

function check(table: Table, start: number, bytes: Uint8Array, priors: string | undefined): void {
  const { times, channels } = decodeBatch(bytes, priors === undefined ? {} : { priors });
  for (let i = 0; i < times.length; i++) {
    if (times[i] !== table.times[start + i]) throw new Error(`time of row ${start + i} differs`);
    for (let c = 0; c < table.names.length; c++)
      if (!Object.is(channels[c]![i], table.rows[start + i]![c]))
        throw new Error(`${table.names[c]} of row ${start + i} differs`);
  }
}

/** Bytes per row of every set with batches of one size. */
export type SetSizes = Record<string, Record<Profile, number>>;

export function measureSets(rows: BatchRows): SetSizes {
  return Object.fromEntries(
    [...sets].map(([name, table]) => [
      name,
      {
        adaptive: bytesPerRow(table, "adaptive", rows),
        static: bytesPerRow(table, "static", rows),
      },
    ]),
  );
}

/** Whole bytes of all full batches, one line per set: what a change of the codec changes. */
export function bytesTable(sizes: SetSizes, rows: BatchRows): string {
  const lines = Object.entries(sizes).map(([name, set]) => {
    const count = Math.floor(sets.get(name)!.rows.length / rows) * rows;
    const bytes = profiles.map((profile) => String(Math.round(set[profile] * count)).padStart(9));
    return `${name.padEnd(20)}${bytes.join("")}\n`;
  });
  return `${`${rows} rows`.padEnd(20)}${profiles.map((name) => name.padStart(9)).join("")}\n${lines.join("")}`;
}

export function geometricMean(values: Iterable<number>): number {
  const logs = Array.from(values, Math.log);
  return Math.exp(logs.reduce((sum, log) => sum + log, 0) / logs.length);
}

export function meanOf(sizes: SetSizes, profile: Profile): number {
  return geometricMean(Object.values(sizes).map((set) => set[profile]));
}

/** Goals that batches of `rows` rows miss: the floor, and to be smaller than every other method on every set. */
export function missedSizes(sizes: SetSizes, rows: BatchRows): string[] {
  const missed: string[] = [];
  for (const profile of profiles) {
    const mean = meanOf(sizes, profile);
    const floor = floors[profile][rows];
    if (!(mean <= floor)) missed.push(`${profile}, ${rows} rows: ${mean.toFixed(3)} over ${floor}`);
    for (const [name, set] of Object.entries(sizes))
      for (const [method, size] of Object.entries(baselines[name]![rows]!))
        if (!method.startsWith("reference") && !(set[profile] < size))
          missed.push(
            `${profile}, ${rows} rows of ${name}: ${set[profile].toFixed(4)}, ${method} ${size}`,
          );
  }
  return missed;
}
