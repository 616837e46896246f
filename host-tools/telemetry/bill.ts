// What a recording costs when a device sends it: bytes and metered messages per encoding (IoT Hub "Quotas").

import { encodeCbor } from "../../firmware/codec/cbor.ts";
import type { CborValue } from "../../firmware/codec/cbor-value.ts";
import { DeltaEncoder } from "../../firmware/codec/delta/encoder.ts";
import type { ModelSpec } from "../../firmware/model/types.ts";
import { CborEncoder } from "../../firmware/telemetry/cbor-encoder.ts";
import { JsonEncoder } from "../../firmware/telemetry/json-encoder.ts";
import { takeSample } from "../../firmware/telemetry/sample.ts";
import {
  DELTA_TYPE,
  SCHEMA,
  schemaHash,
  schemaText,
} from "../../firmware/telemetry/schema-hash.ts";
import { BOOT, CLASS, EPOCH, SEQUENCE } from "../../firmware/telemetry/shipment.ts";
import { TIERS, type TierName } from "../hub/core/tier-table.ts";
import { decodeTelemetryBag } from "../hub/mqtt/telemetry-message.ts";
import { UserError } from "../user-error.ts";
import type { Table } from "./csv.ts";
import { type ChannelGroup, channelGroups } from "./load-model.ts";

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
const CRITICAL_LATENCY_MS = 1000;
const NORMAL_AGE_MS = 300_000;
const HEARTBEAT_MS = 3_600_000;
const ROWS_MAX = 128;
/** Digits that boot, sequence and epoch may grow to while the device lives. */
const GROWN = { boot: "10000", sequence: "1000000", epoch: "1700000000000" };

type Values = Record<string, CborValue>;

interface Sent {
  messages: number;
  metered: number;
  bytes: number;
}

/** One reading of one group of channels. */
interface Reading {
  readonly atMs: number;
  readonly sample: Values;
}

function bagBytes(bag: string): number {
  return decodeTelemetryBag(bag).byteCount;
}

function deltaBag({ names, logClass }: ChannelGroup): string {
  const type = `$.ct=${encodeURIComponent(DELTA_TYPE)}&${SCHEMA}=${schemaText(schemaHash(names))}`;
  const order = `${BOOT}=${GROWN.boot}&${SEQUENCE}=${GROWN.sequence}&${CLASS}=${logClass}`;
  return `${type}&${order}&${EPOCH}=${GROWN.epoch}`;
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

function sendDelta(
  group: ChannelGroup,
  readings: readonly Reading[],
  meter: Meter,
  o: BillOptions,
) {
  const { names, specs, logClass } = group;
  const overhead = bagBytes(deltaBag(group));
  const encoder = new DeltaEncoder({
    channels: names.map((name) => {
      const { epsilon } = specs[name]!;
      return epsilon === undefined ? { name } : { name, epsilon };
    }),
    profile: "static",
    tick: "ms",
    rowsMax: ROWS_MAX,
    bytesMax: TIERS[o.tier].meterBlockBytes - overhead,
    schemaHash: schemaHash(names),
    crc: true,
    encodeObject: (value) => encodeCbor(value as CborValue),
  });
  const ages = [CRITICAL_LATENCY_MS, o.ageMs ?? NORMAL_AGE_MS, Number.POSITIVE_INFINITY];
  const ageMs = ages[logClass]!;
  const waiting: number[] = [];
  const take = (): void => {
    const batch = encoder.take();
    waiting.splice(0, batch.rows);
    meter.send(batch.bytes.length + overhead);
  };
  for (const { atMs, sample } of readings) {
    while (waiting.length > 0 && atMs >= waiting[0]! + ageMs) take();
    encoder.record(
      atMs,
      names.map((name) => sample[name]),
    );
    waiting.push(atMs);
    if (encoder.isFull) take();
  }
  while (waiting.length > 0) take();
}

function sendEach(group: ChannelGroup, readings: readonly Reading[], meter: Meter, o: BillOptions) {
  const encoder = o.encoding === "cbor" ? new CborEncoder() : new JsonEncoder();
  const order = `${BOOT}=${GROWN.boot}&${SEQUENCE}=${GROWN.sequence}&${CLASS}=${group.logClass}`;
  const overhead = bagBytes(`${encoder.bag}&${order}&$.ctime=2026-01-01T00%3A00%3A00.000Z`);
  for (const { sample } of readings) meter.send(encoder.add(sample).length + overhead);
}

/** Values that pass their deadband; undefined if none does. */
function passing(group: ChannelGroup, sample: Values, atMs: number, last: Map<string, Reading>) {
  const part: Values = {};
  for (const name of group.names) {
    const value = sample[name];
    if (value === undefined) continue;
    const { deadband } = group.specs[name]!;
    const before = last.get(name);
    const rests =
      deadband !== undefined &&
      before !== undefined &&
      Math.abs((value as number) - (before.sample[name] as number)) <= deadband;
    if (rests && atMs - before.atMs < HEARTBEAT_MS) continue;
    if (deadband !== undefined) last.set(name, { atMs, sample });
    part[name] = value;
  }
  return Object.keys(part).length > 0 ? part : undefined;
}

function readingsOf(groups: readonly ChannelGroup[], table: Table) {
  const specs = Object.assign({}, ...groups.map((group) => group.specs)) as ChannelGroup["specs"];
  const leftOut: Record<string, number> = {};
  const readings: Reading[][] = groups.map(() => []);
  const last = new Map<string, Reading>();
  const perMs = table.tick === "us" ? 1000 : 1;
  table.rows.forEach((cells, row) => {
    const values = Object.fromEntries(table.names.map((name, i) => [name, cells[i]]));
    const sample = takeSample(specs, values, (name) => {
      leftOut[name] = (leftOut[name] ?? 0) + 1;
    });
    if (!sample) return;
    const atMs = Math.floor((table.times[row]! - table.times[0]!) / perMs);
    groups.forEach((group, i) => {
      const part = passing(group, sample, atMs, last);
      if (part) readings[i]!.push({ atMs, sample: part });
    });
  });
  return { readings, leftOut };
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
 * @throws UserError for a recording without duration or without a channel of the model
 */
export function billOf(model: ModelSpec, table: Table, options: BillOptions): Bill {
  const { encoding, tier } = options;
  const groups = channelGroups(model);
  const known = groups.flatMap(({ names }) => names);
  if (!table.names.some((name) => known.includes(name)))
    throw new UserError(`no column is a channel of the model (${known.join(", ") || "none"})`, {
      code: "columns",
      hint: "name the columns as the model names its telemetry",
    });
  const days = recordedDays(table);
  const { readings, leftOut } = readingsOf(groups, table);
  const { meterBlockBytes, messagesPerDay: quota } = TIERS[tier];
  const meter = new Meter(meterBlockBytes);
  groups.forEach((group, i) => {
    const send = encoding === "delta" ? sendDelta : sendEach;
    send(group, readings[i]!, meter, options);
  });
  const { messages, metered, bytes } = meter;
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
