/** Which channels a delta batch holds: content type, property and hash. Order and repetition: see shipment.ts. */
import { crc32 } from "../codec/crc32.ts";
import { encodeUtf8 } from "../codec/utf8.ts";

/** Content type of delta batches (firmware/SPEC.md). */
export const DELTA_TYPE = "application/vnd.godwit.delta";

/** Application property with `schemaHash` as four hex digits. */
export const SCHEMA = "schema";

/** 16 bits that tell one list of channels from another; order counts. */
export function schemaHash(names: readonly string[]): number {
  return crc32(encodeUtf8(names.join(","))) & 0xffff;
}

/** Schema hash as it stands in the property bag. */
export function schemaText(hash: number): string {
  return (hash + 0x10000).toString(16).slice(1);
}
