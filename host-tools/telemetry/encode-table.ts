// A whole recording to standalone batches, each decoded again and compared before it counts.
import { encodeCbor } from "../../firmware/codec/cbor.ts";
import { decodeCbor } from "../../firmware/codec/cbor-decode.ts";
import type { CborValue } from "../../firmware/codec/cbor-value.ts";
import { decodeBatch } from "../../firmware/codec/delta/decoder.ts";
import { DeltaEncoder } from "../../firmware/codec/delta/encoder.ts";
import type { Profile } from "../../firmware/codec/delta/header.ts";
import { GodwitError } from "../../firmware/codec/error.ts";
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
 * @throws UserError for an unknown channel, an impossible tolerance, and naming the rows that fit no batch
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
  // A column may be called "constructor".
  const tolerances = new Map(Object.entries(epsilon));
  const channels = table.names.map((name) => {
    const tolerance = tolerances.get(name);
    return tolerance === undefined ? { name } : { name, epsilon: tolerance };
  });
  const result: EncodedTable = {
    batches: [],
    rows: table.rows.length,
    bytes: 0,
    bytesPerRow: 0,
    lossless: true,
    errors: {},
  };
  const errors = new Map<string, number>();
  const { tick } = table;
  let companion: DeltaEncoder | undefined;
  for (let start = 0; start < table.rows.length; ) {
    const size = Math.min(rows, table.rows.length - start);
    const encoder = refusing("", "fewer --rows, or fewer columns", () => {
      return new DeltaEncoder({
        ...{ channels, profile, tick, rowsMax: size, bytesMax, crc, companion },
        // A column of numbers with "NA" in it.
        encodeObject: (value) => encodeCbor(value as CborValue),
      });
    });
    // All share the work space of the first one, not what it knows.
    companion ??= encoder;
    const place = size === 1 ? `row ${start + 1}: ` : `rows ${start + 1} to ${start + size}: `;
    const batch = refusing(place, "fewer --rows, or correct these rows", () => {
      for (let i = start; i < start + size; i++) encoder.record(table.times[i]!, table.rows[i]!);
      const taken = encoder.take();
      if (!isEqual(table, start, taken.bytes, { tolerances, errors })) result.lossless = false;
      return taken;
    });
    result.batches.push(batch.bytes);
    result.bytes += batch.bytes.length;
    start += batch.rows;
  }
  result.errors = Object.fromEntries(errors);
  result.bytesPerRow = result.rows > 0 ? result.bytes / result.rows : 0;
  return result;
}

/** What the codec refuses is about the user's table: says which rows, and what may help. */
function refusing<T>(place: string, hint: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    if (!(cause instanceof GodwitError)) throw cause;
    throw new UserError(`${place}${cause.message}`, { code: cause.code, hint, cause });
  }
}

interface Precision {
  readonly tolerances: ReadonlyMap<string, number>;
  /** Largest error so far, by channel. */
  readonly errors: Map<string, number>;
}

/** Whether the batch decodes to the rows from `start` on, exactly or within tolerance. */
function isEqual(
  table: Table,
  start: number,
  bytes: Uint8Array,
  { tolerances, errors }: Precision,
): boolean {
  const { times, channels } = decodeBatch(bytes, { decodeObject: decodeCbor });
  let isGood = true;
  for (let i = 0; i < times.length; i++) {
    if (times[i] !== table.times[start + i]) isGood = false;
    table.names.forEach((name, c) => {
      const before = table.rows[start + i]![c];
      const after = channels[c]![i];
      if (Object.is(before, after)) return;
      const error = Math.abs((before as number) - (after as number));
      const tolerance = tolerances.get(name);
      errors.set(name, Math.max(errors.get(name) ?? 0, error));
      if (tolerance === undefined || !(error <= tolerance)) isGood = false;
    });
  }
  return isGood;
}
