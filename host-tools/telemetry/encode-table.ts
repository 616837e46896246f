// A whole recording to standalone batches, each decoded again and compared before it counts.
import { decodeBatch } from "../../firmware/codec/delta/decoder.ts";
import { DeltaEncoder } from "../../firmware/codec/delta/encoder.ts";
import type { Profile } from "../../firmware/codec/delta/header.ts";
import { UserError } from "../user-error.ts";
import type { Table } from "./csv.ts";

export interface EncodeTableOptions {
  /** Rows per batch; the last batch may have fewer. */
  rows: number;
  profile: Profile;
  /** Tolerance by channel name. */
  epsilon?: Readonly<Record<string, number>>;
  /** Largest batch in bytes; a batch that would exceed it gets fewer rows. */
  bytesMax?: number;
  crc?: boolean;
}

export interface EncodedTable {
  batches: Uint8Array[];
  rows: number;
  bytes: number;
  bytesPerRow: number;
  /** Every value came back: by Object.is, and within its tolerance where there is one. */
  lossless: boolean;
  /** Largest error by channel that has a tolerance. */
  errors: Record<string, number>;
}

/** A message of IoT Hub holds 256 KB; its properties need some of that. */
const BYTES_MAX = 250_000;

/**
 * Encodes all rows, every batch on its own: nothing is carried from one to the next.
 * @throws UserError for an unknown channel or an impossible tolerance; GodwitError where a row does not fit
 */
export function encodeTable(table: Table, options: EncodeTableOptions): EncodedTable {
  const { epsilon = {}, rows, profile, bytesMax = BYTES_MAX, crc = false } = options;
  for (const [name, value] of Object.entries(epsilon)) {
    if (!table.names.includes(name))
      throw new UserError(`no channel "${name}"`, {
        code: "epsilon",
        hint: `--epsilon with one of ${table.names.join(", ")}`,
      });
    if (!(value > 0 && value < Number.POSITIVE_INFINITY))
      throw new UserError(`epsilon of "${name}" must be above 0`, {
        code: "epsilon",
        hint: `--epsilon ${name}=0.05`,
      });
  }
  const channels = table.names.map((name) =>
    epsilon[name] === undefined ? { name } : { name, epsilon: epsilon[name] },
  );
  const result: EncodedTable = {
    batches: [],
    rows: table.rows.length,
    bytes: 0,
    bytesPerRow: 0,
    lossless: true,
    errors: {},
  };
  for (let start = 0; start < table.rows.length; ) {
    const size = Math.min(rows, table.rows.length - start);
    const encoder = new DeltaEncoder({
      channels,
      profile,
      tick: table.tick,
      rowsMax: size,
      bytesMax,
      crc,
    });
    for (let i = start; i < start + size; i++) encoder.record(table.times[i]!, table.rows[i]!);
    const batch = encoder.take();
    result.batches.push(batch.bytes);
    result.bytes += batch.bytes.length;
    compare(table, start, batch.bytes, epsilon, result);
    start += batch.rows;
  }
  result.bytesPerRow = result.rows > 0 ? result.bytes / result.rows : 0;
  return result;
}

function compare(
  table: Table,
  start: number,
  bytes: Uint8Array,
  epsilon: Readonly<Record<string, number>>,
  result: EncodedTable,
): void {
  const { times, channels } = decodeBatch(bytes);
  for (let i = 0; i < times.length; i++) {
    if (times[i] !== table.times[start + i]) result.lossless = false;
    table.names.forEach((name, c) => {
      const before = table.rows[start + i]![c];
      const after = channels[c]![i];
      if (Object.is(before, after)) return;
      const error = Math.abs((before as number) - (after as number));
      const tolerance = epsilon[name];
      result.errors[name] = Math.max(result.errors[name] ?? 0, error);
      if (tolerance === undefined || !(error <= tolerance)) result.lossless = false;
    });
  }
}
