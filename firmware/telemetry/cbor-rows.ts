/** Telemetry as CBOR (RFC 8949), an array of maps per message. */
import { encodeCbor } from "../codec/cbor.ts";
import type { TelemetryEncoding } from "./encoder.ts";
import { RowBatches, type RowForm } from "./row-batches.ts";

/** RFC 8949 §3: major type 4 with the shortest form of its count. */
function arrayHead(count: number): Uint8Array {
  if (count < 24) return new Uint8Array([0x80 | count]);
  return count < 256
    ? new Uint8Array([0x98, count])
    : new Uint8Array([0x99, count >> 8, count & 255]);
}

const cbor: RowForm = {
  bag: "$.ct=application%2Fcbor&$.ce=identity",
  row: (values) => encodeCbor(values),
  head: arrayHead,
  separator: -1,
  tail: -1,
};

/** For `batched`: as `jsonRows`, in less than half of the bytes for most samples. */
export function cborRows(): TelemetryEncoding {
  return (channels, blockBytes) => new RowBatches(cbor, channels, blockBytes);
}
