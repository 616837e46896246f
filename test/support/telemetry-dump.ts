// Streams of telemetry messages as they stand in a dump, and how they decode.
import { decodeBag } from "../../firmware/connection/bag.ts";
import { defineModel } from "../../firmware/model/define.ts";
import { DeltaBatches } from "../../firmware/telemetry/delta-batches.ts";
import { Shipment } from "../../firmware/telemetry/shipment.ts";
import { StreamDecoder } from "../../host-tools/telemetry/decode-stream.ts";
import type { Row } from "../../host-tools/telemetry/rows.ts";
import type { UserError } from "../../host-tools/user-error.ts";

export const EPOCH_MS = 1_767_225_600_000;
export const tankModel = defineModel({
  id: "dtmi:com:example:Tank;1",
  telemetry: { level: { type: "double" }, open: { type: "boolean" } },
});
const names = ["level", "open"];

export interface DumpedEvent {
  bodyBase64: string;
  properties: Record<string, string | null>;
  systemProperties: { "content-type": string };
  annotations: Record<string, string>;
}

/** A batch of two rows as the device sends it, dumped with its body in base64. */
export function tankEvent(
  sequence: number,
  more: { epochMs?: number; other?: boolean } = {},
): DumpedEvent {
  const { epochMs, other } = more;
  const channels = names.map((name) => ({
    name: other ? `${name}2` : name,
    spec: tankModel.telemetry[name as "level"],
  }));
  const [level, open] = channels.map(({ name }) => name) as [string, string];
  const encoder = new DeltaBatches({ channels, blockBytes: 4096 });
  encoder.add({ [level]: sequence + 0.5, [open]: true }, 1000 * sequence);
  encoder.add({ [level]: sequence + 0.25 }, 1000 * sequence + 500);
  const payload = encoder.flush()!;
  const batch = { logClass: 1, payload, bag: encoder.bag, isTimed: true } as const;
  const { bag } = new Shipment(
    {
      batch: { ...batch, firstMs: 1000 * sequence, epochMs },
      ...{
        bootId: 7,
        sequence,
        ordinal: -1,
        missing: 0,
        isOwn: true,
        lostClass: 2,
        lost: undefined,
      },
    },
    () => {},
  );
  const { "$.ct": contentType, ...properties } = Object.fromEntries(decodeBag(bag));
  return {
    bodyBase64: Buffer.from(payload).toString("base64"),
    properties,
    systemProperties: { "content-type": contentType! },
    annotations: { "iothub-connection-device-id": "tank-1" },
  };
}

export interface DecodedDump {
  rows: Row[];
  damaged: UserError[];
  /** What ended the stream before its time. */
  end: UserError | undefined;
  report: ReturnType<StreamDecoder["delivery"]["report"]>;
}

/** Decodes a dump that comes in chunks. */
export async function decodeDump(
  dump: string | Uint8Array,
  chunkBytes = 1 << 16,
): Promise<DecodedDump> {
  const bytes = Buffer.from(dump as string);
  async function* chunks() {
    for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
  }
  const damaged: UserError[] = [];
  const decoder = new StreamDecoder({
    ...{ source: "dump.json", model: tankModel },
    onDamaged: (error) => damaged.push(error),
  });
  const rows: Row[] = [];
  let end: UserError | undefined;
  try {
    for await (const row of decoder.rows(chunks())) rows.push(row);
  } catch (error) {
    end = error as UserError;
  }
  for (const row of rows) decoder.bootTimes.complete(row);
  return { rows, damaged, end, report: decoder.delivery.report() };
}
