/** Telemetry as JSON (RFC 8259), an array of rows per message, for back ends that read or route on the body. */
import { encodeUtf8 } from "../codec/utf8.ts";
import type { TelemetryEncoding } from "./encoder.ts";
import { RowBatches, type RowForm } from "./row-batches.ts";

const json: RowForm = {
  bag: "$.ct=application%2Fjson&$.ce=utf-8",
  row: (values) => encodeUtf8(JSON.stringify(values)),
  head: () => encodeUtf8("["),
  separator: 44,
  tail: 93,
};

/** For `batched`: `[{"_t":1200,"temperature":21.5},…]`, `_t` in milliseconds since boot. */
export function jsonRows(): TelemetryEncoding {
  return (channels, blockBytes) => new RowBatches(json, channels, blockBytes);
}
