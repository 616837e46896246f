/** What a telemetry message says about itself: content types, names of its properties, the hash of its schema. */
import { crc32 } from "../codec/crc32.ts";
import { encodeUtf8 } from "../codec/utf8.ts";

/** Content type of delta batches (firmware/SPEC.md). */
export const DELTA_TYPE = "application/vnd.godwit.delta";

/** Application properties: by the first four a consumer proves order, gaps and repetitions. */
export const BOOT = "boot";
export const SEQUENCE = "seq";
export const CLASS = "class";
/** `schemaHash` as four hex digits: which channels a batch holds. */
export const SCHEMA = "schema";
/** Unix time (ms) of tick 0 of the boot; bodies with times of their own count from it. */
export const EPOCH = "epoch";
/** Tick (ms since boot) of the reading, where neither body nor epoch tells. */
export const TICK = "tick";
/** `<class>.<count>.<first boot>.<first seq>.<last boot>.<last seq>`: made room for others, will never come. */
export const LOST = "lost";
/** Stored batches directly before this one that cannot be read any more. */
export const MISSING = "missing";

/** 16 bits that tell one list of channels from another; order counts. */
export function schemaHash(names: readonly string[]): number {
  return crc32(encodeUtf8(names.join(","))) & 0xffff;
}

/** Schema hash as it stands in the property bag. */
export function schemaText(hash: number): string {
  return (hash + 0x10000).toString(16).slice(1);
}
