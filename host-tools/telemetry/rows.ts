// Messages to rows: bodies by their content type (JSON, CBOR, delta batches), times by what message and boot say.
import { decodeCbor } from "../../firmware/codec/cbor-decode.ts";
import { decodeBatch } from "../../firmware/codec/delta/decoder.ts";
import type { ModelSpec } from "../../firmware/model/types.ts";
import { DELTA_TYPE, SCHEMA, schemaHash } from "../../firmware/telemetry/schema-hash.ts";
import { BOOT, CLASS, EPOCH, TICK } from "../../firmware/telemetry/shipment.ts";
import { UserError } from "../user-error.ts";
import { channelGroups } from "./load-model.ts";
import type { TelemetryMessage } from "./message.ts";

export interface Row {
  deviceId: string;
  /** Unix time; undefined while only the boot's own clock is known. */
  tMs: number | undefined;
  /** Number of the boot and time since it, where the message says so. */
  boot: number | undefined;
  uptimeMs: number | undefined;
  values: Record<string, unknown>;
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

function batchRows(message: TelemetryMessage, bytes: Uint8Array, schemas: Schemas): Row[] {
  const { deviceId, properties } = message;
  const { header, times, channels } = decodeBatch(bytes, { decodeObject: decodeCbor });
  const boot = numberIn(properties[BOOT]);
  const epoch = numberIn(properties[EPOCH]);
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
    };
  });
}

function valueRow(message: TelemetryMessage, value: unknown): Row {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new UserError("the body is no object", { code: "foreign" });
  const { deviceId, properties, createdMs, enqueuedMs } = message;
  const boot = numberIn(properties[BOOT]);
  const uptimeMs = numberIn(properties[TICK]);
  const tMs = createdMs ?? (uptimeMs === undefined ? enqueuedMs : undefined);
  return { deviceId, boot, tMs, uptimeMs, values: { ...value } };
}

/**
 * The rows of one message.
 * @throws UserError naming message and cause when the body is not what its content type says
 */
export function rowsOf(message: TelemetryMessage, schemas: Schemas): Row[] {
  const { body, contentType, place, deviceId } = message;
  try {
    if (!(body instanceof Uint8Array)) return [valueRow(message, body.value)];
    if (contentType.startsWith(DELTA_TYPE)) return batchRows(message, body, schemas);
    if (contentType.includes("cbor")) return [valueRow(message, decodeCbor(body))];
    const text = new TextDecoder("utf-8", { fatal: true }).decode(body);
    return [valueRow(message, JSON.parse(text))];
  } catch (cause) {
    const type = contentType || "no content type";
    throw new UserError(`${place}: message of ${deviceId} (${type}): ${(cause as Error).message}`, {
      code: "damaged-message",
      hint: "the other messages are decoded; look at what the device sent",
      cause,
    });
  }
}

/** Gives readings from before the first time synchronisation the time that a later message of the boot tells. */
export class BootTimes {
  private readonly epochs = new Map<string, number>();

  learn({ deviceId, properties, createdMs }: TelemetryMessage): void {
    const epoch = numberIn(properties[EPOCH]);
    const tick = numberIn(properties[TICK]);
    const known =
      epoch ?? (createdMs !== undefined && tick !== undefined ? createdMs - tick : undefined);
    if (known !== undefined) this.epochs.set(JSON.stringify([deviceId, properties[BOOT]]), known);
  }

  /** Sets `tMs` where it can be known by now. */
  complete(row: Row): void {
    if (row.tMs !== undefined || row.uptimeMs === undefined) return;
    const epoch = this.epochs.get(JSON.stringify([row.deviceId, String(row.boot)]));
    if (epoch !== undefined) row.tMs = epoch + row.uptimeMs;
  }
}
