// What decoding a delta batch gives. Types only.
import type { BatchHeader } from "./header.ts";

/** A decoded batch. */
export interface DecodedBatch {
  header: BatchHeader;
  /** Ticks, one per row. */
  times: Float64Array;
  /** Values by channel and row; undefined where a value is missing. */
  channels: unknown[][];
}

export interface DecodeOptions {
  /**
   * Refuse a batch without a CRC. Whoever sends with one should read with this: damage can also hit the flag
   * that says there is a CRC.
   */
  requireCrc?: boolean;
  /** Start weights, if the encoder was given others than the committed ones. */
  priors?: string;
  /** Turns the bytes of an object value back; absent: the bytes themselves are the value. */
  decodeObject?: (bytes: Uint8Array) => unknown;
}
