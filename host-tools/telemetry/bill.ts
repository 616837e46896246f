// What a recording costs when a device sends it: bytes and metered messages per encoding (IoT Hub "Quotas").

import { GodwitError } from "../../firmware/codec/error.ts";
import type { ModelSpec } from "../../firmware/model/types.ts";
import { BATCH_DEFAULTS } from "../../firmware/telemetry/batch-limits.ts";
import { type Batch, Batcher, channelsOf } from "../../firmware/telemetry/batcher.ts";
import { cborRows } from "../../firmware/telemetry/cbor-rows.ts";
import { deltaEncoding } from "../../firmware/telemetry/delta-batches.ts";
import type { TelemetryEncoding } from "../../firmware/telemetry/encoder.ts";
import { jsonRows } from "../../firmware/telemetry/json-rows.ts";
import { takeSample } from "../../firmware/telemetry/sample.ts";
import { BOOT, CLASS, EPOCH, SEQUENCE } from "../../firmware/telemetry/shipment.ts";
import { TIERS, type TierName } from "../hub/core/tier-table.ts";
import { decodeTelemetryBag } from "../hub/mqtt/telemetry-message.ts";
import { UserError } from "../user-error.ts";
import type { Table } from "./csv.ts";

export const encodings = ["delta", "cbor", "json"] as const;
export type Encoding = (typeof encodings)[number];

export interface BillOptions {
  readonly tier: TierName;
  readonly encoding: Encoding;
  /** A normal reading waits at most this long for its block to fill. Default 300 s. */
  readonly ageMs?: number;
}

/** Cost of one device. A day is 24 h of the recording, scaled. */
export interface Bill {
  readonly encoding: Encoding;
  readonly tier: TierName;
  readonly blockBytes: number;
  /** What the recording itself comes to. */
  readonly recorded: {
    rows: number;
    days: number;
    messages: number;
    metered: number;
    bytes: number;
  };
  readonly rowsPerDay: number;
  readonly messagesPerDay: number;
  /** Blocks that IoT Hub counts against the quota. */
  readonly meteredPerDay: number;
  /** Bodies and properties, as IoT Hub measures a message; without MQTT, TLS and TCP. */
  readonly bytesPerDay: number;
  /** Devices of this kind that one unit of the tier carries. */
  readonly devicesPerUnit: number;
  /** Values that were not sent, by column: not in the model, or against it. */
  readonly leftOut: Readonly<Record<string, number>>;
}

const DAY_MS = 86_400_000;
/** Digits that boot, sequence and epoch have or may grow to while the device lives. */
const GROWN = { boot: "2000000000", sequence: "1000000", epoch: "1700000000000" };

interface Sent {
  messages: number;
  metered: number;
  bytes: number;
}

class Meter implements Sent {
  messages = 0;
  metered = 0;
  bytes = 0;
  private readonly blockBytes: number;

  constructor(blockBytes: number) {
    this.blockBytes = blockBytes;
  }

  send(byteCount: number): void {
    this.messages++;
    this.metered += Math.max(1, Math.ceil(byteCount / this.blockBytes));
    this.bytes += byteCount;
  }
}

const CREATED = "$.ctime=2026-01-01T00%3A00%3A00.000Z";
const ORDER = `${BOOT}=${GROWN.boot}&${SEQUENCE}=${GROWN.sequence}&${CLASS}=1`;

/** As an app asks for them: `telemetry: batched(jsonRows())`. */
const encodingOf: Readonly<Record<Encoding, TelemetryEncoding>> = {
  delta: deltaEncoding(),
  cbor: cborRows(),
  json: jsonRows(),
};

/** What the properties of a batch count. */
function bagBytes({ bag, isTimed }: Pick<Batch, "bag" | "isTimed">): number {
  const time = isTimed ? `${EPOCH}=${GROWN.epoch}` : CREATED;
  return decodeTelemetryBag(`${bag}&${ORDER}&${time}`).byteCount;
}

/** A reading that fits no block would be lost on the device as well. */
function guarded(row: number, action: () => void): void {
  try {
    action();
  } catch (cause) {
    if (!(cause instanceof GodwitError)) throw cause;
    const isLong = cause.code === "limit";
    throw new UserError(`up to row ${row + 1}: ${cause.message}`, {
      code: isLong ? "block" : "csv",
      hint: isLong ? "a tier with larger blocks, or shorter texts" : "correct the CSV file",
      cause,
    });
  }
}

/** Runs the recording through the device's own batcher; returns the values that it may not send, by column. */
function send(model: ModelSpec, table: Table, options: BillOptions, meter: Meter) {
  const { telemetry = {} } = model;
  const { encoding, tier, ageMs } = options;
  const leftOut = new Map<string, number>();
  const overhead = bagBytes(
    encodingOf[encoding](channelsOf(telemetry), BATCH_DEFAULTS.blockBytes, undefined),
  );
  const batcher = new Batcher(
    {
      channels: channelsOf(telemetry),
      encoding: encodingOf[encoding],
      limits: {
        blockBytes: TIERS[tier].meterBlockBytes - overhead,
        ...(ageMs !== undefined && { normalAgeMs: ageMs }),
      },
    },
    (batch) => meter.send(batch.payload.length + bagBytes(batch)),
  );
  const perMs = table.tick === "us" ? 1000 : 1;
  table.rows.forEach((cells, row) => {
    const values = Object.fromEntries(table.names.map((name, i) => [name, cells[i]]));
    const sample = takeSample(telemetry, values, (name) => {
      leftOut.set(name, (leftOut.get(name) ?? 0) + 1);
    });
    const atMs = Math.floor((table.times[row]! - table.times[0]!) / perMs);
    // What became due between two rows leaves before the later one joins it.
    batcher.tick(atMs);
    if (sample) guarded(row, () => batcher.add(sample, atMs));
  });
  guarded(table.rows.length - 1, () => batcher.flush());
  return Object.fromEntries(leftOut);
}

/** Time that the rows stand for: each one for as long as to the next, the last one for the mean. */
function recordedDays({ times, tick }: Table): number {
  let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const time of times) [first, last] = [Math.min(first, time), Math.max(last, time)];
  if (!(last > first))
    throw new UserError("the recording has no duration: at least two rows at different times", {
      code: "csv",
      hint: "record longer",
    });
  const spanMs = (last - first) / (tick === "us" ? 1000 : 1);
  return (spanMs * times.length) / (times.length - 1) / DAY_MS;
}

/**
 * The bill of one device that measures what the recording holds.
 * @throws UserError for a recording without duration or without anything that the model allows, and for a row over a block
 */
export function billOf(model: ModelSpec, table: Table, options: BillOptions): Bill {
  const { encoding, tier } = options;
  const known = Object.keys(model.telemetry ?? {});
  if (!table.names.some((name) => known.includes(name)))
    throw new UserError(`no column is a channel of the model (${known.join(", ") || "none"})`, {
      code: "columns",
      hint: "name the columns as the model names its telemetry",
    });
  const days = recordedDays(table);
  const { meterBlockBytes, messagesPerDay: quota } = TIERS[tier];
  const meter = new Meter(meterBlockBytes);
  const leftOut = send(model, table, options, meter);
  const { messages, metered, bytes } = meter;
  if (messages === 0)
    throw new UserError("the model allows no value of the recording", {
      code: "columns",
      hint: "compare types, units and ranges of the model with the columns",
    });
  const meteredPerDay = metered / days;
  return {
    encoding,
    tier,
    blockBytes: meterBlockBytes,
    recorded: { rows: table.rows.length, days, messages, metered, bytes },
    rowsPerDay: table.rows.length / days,
    messagesPerDay: messages / days,
    meteredPerDay,
    bytesPerDay: bytes / days,
    devicesPerUnit: Math.floor(quota / meteredPerDay),
    leftOut,
  };
}
