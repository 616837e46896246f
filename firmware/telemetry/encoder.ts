/** The seam between measuring and sending: one body per sample or one per batch. Types only. */
import type { CborValue } from "../codec/cbor-value.ts";
import type { Channel } from "./batcher.ts";

/** Channel values by name, checked against the model. */
export type Sample = Readonly<Record<string, CborValue>>;

export interface TelemetryEncoder {
  /** Encoded property bag of every message: content type and encoding. */
  readonly bag: string;
  /** The body tells when its samples were taken; otherwise the message says when it was made. */
  readonly isTimed: boolean;
  /**
   * Takes one sample and returns a body when one is complete.
   * @param wallMs Unix time of the sample, undefined while it is not known
   */
  add(sample: Sample, nowMs: number, wallMs: number | undefined): Uint8Array | undefined;
  /** Body of what is gathered and not sent, undefined if there is nothing. */
  flush(): Uint8Array | undefined;
  /** Monotonic time at which `flush` is due; Infinity while nothing waits. */
  nextDeadlineMs(): number;
  /** Monotonic time of the first sample that waits for `flush`, Infinity if none does; absent: none ever does after a body. */
  waitingSinceMs?(): number;
  /** Samples that wait; absent: none ever does. */
  readonly waiting?: number;
  /** Samples that waited and have left, in bodies or because they fit none. Present where `waiting` is. */
  readonly gone?: number;
  /**
   * Closes batches at `blockBytes` from now on; `isTrial`: only checks.
   * @throws GodwitError `limit` if not even one row fits
   */
  resize?(blockBytes: number, isTrial: boolean): void;
}

/**
 * Makes the encoder of one priority: its channels, the size at which it closes a batch, and the first one that was
 * made for this device, to share what can be shared. Called once per priority in use.
 */
export type TelemetryEncoding = (
  channels: readonly Channel[],
  blockBytes: number,
  first: TelemetryEncoder | undefined,
) => TelemetryEncoder;
