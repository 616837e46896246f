// A batch of hub events as one binary row: CBOR (RFC 8949) of an array of arrays.
import { Decoder, Encoder } from "cbor-x";
import type { EventOrigin, EventSource, HubEvent, Properties } from "../core/event.ts";

const encoder = new Encoder({ useRecords: false, tagUint8Array: false });
const decoder = new Decoder({ useRecords: false });

type Packed = readonly [
  sequenceNumber: number,
  partition: number,
  enqueuedMs: number,
  source: EventSource,
  originIndex: number,
  body: Uint8Array,
  systemProperties: Properties,
  properties: Properties,
];

/** Packs events; the origins, which the messages of one connection share, are written once. */
export function packEvents(events: readonly HubEvent[]): Buffer {
  const origins = new Map<EventOrigin, number>();
  const packed = events.map((event): Packed => {
    const originIndex = origins.get(event.origin) ?? origins.size;
    origins.set(event.origin, originIndex);
    return [
      event.sequenceNumber,
      event.partition,
      event.enqueuedMs,
      event.source,
      originIndex,
      event.body,
      event.systemProperties,
      event.properties,
    ];
  });
  return encoder.encode([[...origins.keys()], packed]);
}

/** Unpacks a row. @throws Error when the bytes are not a row of ours. */
export function unpackEvents(row: Uint8Array): HubEvent[] {
  const decoded = decoder.decode(row) as unknown;
  if (!Array.isArray(decoded) || !Array.isArray(decoded[0]) || !Array.isArray(decoded[1]))
    throw new Error("damaged event row");
  const origins = decoded[0] as EventOrigin[];
  return (decoded[1] as Packed[]).map((packed) => {
    const [sequenceNumber, partition, enqueuedMs, source, originIndex, body, system, own] = packed;
    const origin = origins[originIndex];
    if (!origin || !(body instanceof Uint8Array)) throw new Error("damaged event row");
    return {
      sequenceNumber,
      partition,
      enqueuedMs,
      source,
      origin,
      // A copy: decoded bytes are a view that would keep the whole row alive.
      body: new Uint8Array(body),
      systemProperties: system,
      properties: own,
    };
  });
}
