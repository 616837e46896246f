// Messages to rows: bodies by their content type (JSON, CBOR, delta batches), times by what message and boot say.
import { decodeCbor } from "../../firmware/codec/cbor-decode.ts";
import { decodeBatch } from "../../firmware/codec/delta/decoder.ts";
import type { ModelSpec } from "../../firmware/model/types.ts";
import { ROW_TIME } from "../../firmware/telemetry/row-batches.ts";
import { DELTA_TYPE, SCHEMA, schemaHash } from "../../firmware/telemetry/schema-hash.ts";
import { BOOT, CLASS, EPOCH, TICK } from "../../firmware/telemetry/shipment.ts";
import { JUMP_MS } from "../../firmware/telemetry/time-anchors.ts";
import { UserError } from "../user-error.ts";
import { channelGroups } from "./channel-groups.ts";
import type { TelemetryMessage } from "./message.ts";

export interface Row {
  deviceId: string;
  /** Unix time; undefined while only the boot's own clock is known. */
  tMs: number | undefined;
  /** Number of the boot and time since it, where the message says so. */
  boot: number | undefined;
  uptimeMs: number | undefined;
  values: Record<string, unknown>;
  /** Time since boot at which the device knew what `tMs` says; Infinity: when it was sent. */
  knownAtMs?: number | undefined;
}

function numberIn(text: string | undefined): number | undefined {
  return text !== undefined && /^-?\d{1,16}$/.test(text) ? Number(text) : undefined;
}

/** Channel names of delta batches, by what a message says about them. */
export class Schemas {
  private readonly byHash = new Map<number, readonly string[]>();
  private readonly byClass = new Map<number, readonly string[]>();

  constructor(model?: ModelSpec) {
    for (const { names, logClass } of model ? channelGroups(model) : []) {
      this.byHash.set(schemaHash(names), names);
      this.byClass.set(logClass, names);
    }
  }

  /** Unknown channels are called by their number. A hash that the model does not know is never guessed at. */
  namesOf(hash: number | undefined, logClass: number, width: number): string[] {
    const names = hash === undefined ? this.byClass.get(logClass) : this.byHash.get(hash);
    const fits = names?.length === width;
    return Array.from({ length: width }, (_, i) => (fits ? names[i]! : `channel${i}`));
  }
}

/** What a message says about the time: tick 0 of its boot, and when the device knew that. */
function knowledgeOf({ properties, createdMs }: TelemetryMessage) {
  const tick = numberIn(properties[TICK]);
  const stamped = createdMs !== undefined && tick !== undefined ? createdMs - tick : undefined;
  return { epoch: numberIn(properties[EPOCH]) ?? stamped, knownAtMs: tick ?? Infinity };
}

function batchRows(message: TelemetryMessage, bytes: Uint8Array, schemas: Schemas): Row[] {
  const { deviceId, properties } = message;
  const boot = numberIn(properties[BOOT]);
  // Who counts boots is our batcher, which never leaves the CRC out: damage may have cleared its flag.
  const options = { decodeObject: decodeCbor, requireCrc: boot !== undefined };
  const { header, times, channels } = decodeBatch(bytes, options);
  const { epoch, knownAtMs } = knowledgeOf(message);
  const named = /^[0-9a-f]{4}$/.test(properties[SCHEMA] ?? "")
    ? Number.parseInt(properties[SCHEMA]!, 16)
    : undefined;
  const names = schemas.namesOf(
    header.schemaHash ?? named,
    numberIn(properties[CLASS]) ?? 1,
    channels.length,
  );
  const perMs = header.tick === "us" ? 1000 : 1;
  return Array.from(times, (time, i) => {
    const values: [string, unknown][] = [];
    channels.forEach((column, c) => {
      if (column[i] !== undefined) values.push([names[c]!, column[i]]);
    });
    const atMs = time / perMs;
    const isUptime = boot !== undefined || epoch !== undefined;
    return {
      deviceId,
      boot,
      tMs: isUptime ? (epoch === undefined ? undefined : epoch + atMs) : atMs,
      uptimeMs: isUptime ? atMs : undefined,
      values: Object.fromEntries(values),
      ...(isUptime && { knownAtMs }),
    };
  });
}

/** Levels of objects and arrays in a body: what is deeper could not be written out again. */
const NESTING_MAX = 64;

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1));
}

/** An array of rows (`RowBatches`); each one counts its time from boot. */
function arrayRows(message: TelemetryMessage, rows: readonly unknown[]): Row[] {
  const { deviceId, properties } = message;
  const boot = numberIn(properties[BOOT]);
  const { epoch, knownAtMs } = knowledgeOf(message);
  return rows.map((row) => {
    const uptimeMs = (row as { [ROW_TIME]?: unknown } | null)?.[ROW_TIME];
    if (typeof uptimeMs !== "number") return valueRow(message, row);
    const { [ROW_TIME]: _, ...values } = row as Record<string, unknown>;
    const tMs = epoch === undefined ? undefined : epoch + uptimeMs;
    return { deviceId, boot, tMs, uptimeMs, values, knownAtMs };
  });
}

/** The rows of a body that was JSON or CBOR. */
function valueRows(message: TelemetryMessage, value: unknown): Row[] {
  if (isDeeper(value, NESTING_MAX))
    throw new UserError(`the body has more than ${NESTING_MAX} levels`, { code: "foreign" });
  return Array.isArray(value) ? arrayRows(message, value) : [valueRow(message, value)];
}

function valueRow(message: TelemetryMessage, value: unknown): Row {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new UserError("the body is no object", { code: "foreign" });
  const { deviceId, properties, createdMs, enqueuedMs } = message;
  const boot = numberIn(properties[BOOT]);
  const uptimeMs = numberIn(properties[TICK]);
  const tMs = createdMs ?? (uptimeMs === undefined ? enqueuedMs : undefined);
  const { knownAtMs } = knowledgeOf(message);
  return { deviceId, boot, tMs, uptimeMs, values: { ...value }, knownAtMs };
}

function isEmpty(body: TelemetryMessage["body"]): boolean {
  return body instanceof Uint8Array ? body.length === 0 : body.value === "";
}

/**
 * The rows of one message.
 * @throws UserError naming message and cause when the body is not what its content type says
 */
export function rowsOf(message: TelemetryMessage, schemas: Schemas): Row[] {
  const { body, contentType, place, deviceId } = message;
  try {
    // Boot, sequence, losses and time alone: a batch that nobody can read any more, or an anchor in time.
    if (message.properties[BOOT] !== undefined && isEmpty(body)) return [];
    if (!(body instanceof Uint8Array)) return valueRows(message, body.value);
    if (contentType.startsWith(DELTA_TYPE)) return batchRows(message, body, schemas);
    if (contentType.includes("cbor")) return valueRows(message, decodeCbor(body));
    const text = new TextDecoder("utf-8", { fatal: true }).decode(body);
    return valueRows(message, JSON.parse(text));
  } catch (cause) {
    const type = contentType || "no content type";
    throw new UserError(`${place}: message of ${deviceId} (${type}): ${(cause as Error).message}`, {
      code: "damaged-message",
      hint: "the other messages are decoded; look at what the device sent",
      cause,
    });
  }
}

/** When a boot began, as a message tells it after rows of that boot were given. */
export interface BootTime {
  readonly deviceId: string;
  readonly boot: number;
  /** Unix time of its tick 0. */
  readonly epochMs: number;
}

/** Dates rows by what other messages of their boot tell: readings from before the clock was known, or corrected. */
export class BootTimes {
  /** The latest knowledge about each boot. */
  private readonly known = new Map<string, { epoch: number; knownAtMs: number }>();
  /** Boots with rows that could not be dated when they came. */
  private readonly undated = new Set<string>();

  /** Returns the time of the boot if rows that came before need it: they had none, or one that was mended now. */
  learn(message: TelemetryMessage): BootTime | undefined {
    const { deviceId, properties } = message;
    const { epoch, knownAtMs } = knowledgeOf(message);
    const boot = numberIn(properties[BOOT]);
    if (epoch === undefined || boot === undefined) return undefined;
    const key = JSON.stringify([deviceId, String(boot)]);
    const before = this.known.get(key);
    if (knownAtMs < (before?.knownAtMs ?? 0)) return undefined;
    this.known.set(key, { epoch, knownAtMs });
    const isMended = before !== undefined && Math.abs(before.epoch - epoch) > JUMP_MS;
    return this.undated.delete(key) || isMended ? { deviceId, boot, epochMs: epoch } : undefined;
  }

  /** Sets `tMs` where it can be known by now, and mends it where the device's clock was corrected later. */
  complete(row: Row): void {
    const { deviceId, boot, tMs, uptimeMs, knownAtMs = Infinity } = row;
    if (uptimeMs === undefined) return;
    const key = JSON.stringify([deviceId, String(boot)]);
    const latest = this.known.get(key);
    if (!latest && tMs === undefined) this.undated.add(key);
    if (!latest || (tMs !== undefined && knownAtMs >= latest.knownAtMs)) return;
    const betterMs = latest.epoch + uptimeMs;
    if (tMs === undefined || Math.abs(betterMs - tMs) > JUMP_MS) row.tMs = betterMs;
  }
}
