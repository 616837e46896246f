/** A batch on its way to the hub: what its property bag says, and whom its fate concerns. */
import { CREATION_TIME } from "../connection/bag.ts";
import type { OutboundMessage, Priority, Settled } from "../connection/types.ts";
import type { LogClass, LostRecords } from "./log/types.ts";
import type { StoredBatch } from "./stored-batch.ts";

/** Application properties by which a consumer proves order, gaps and repetitions, and finds the time. */
export const BOOT = "boot";
export const SEQUENCE = "seq";
export const CLASS = "class";
/** Unix time (ms) of tick 0 of the boot; bodies with times of their own count from it. */
export const EPOCH = "epoch";
/**
 * Monotonic time (ms since boot). Without `epoch`: of the reading, where the body does not tell. With it: when that
 * epoch was known; later knowledge about the same boot is better. Without it, `epoch` is what the clock says now.
 */
export const TICK = "tick";
/** `<class>.<count>.<first boot>.<first seq>.<last boot>.<last seq>`: made room for others, will never come. */
export const LOST = "lost";
/** Stored batches directly before this one that cannot be read any more. */
export const MISSING = "missing";

export interface ShipmentParts {
  readonly batch: StoredBatch;
  readonly bootId: number;
  readonly sequence: number;
  /** Place in the log; -1: from RAM. */
  readonly ordinal: number;
  readonly missing: number;
  /** Of this boot: the epoch is what the clock says now. */
  readonly isOwn: boolean;
  readonly lostClass: LogClass;
  readonly lost: LostRecords | undefined;
}

export class Shipment implements OutboundMessage {
  readonly payload: Uint8Array;
  readonly bag: string;
  readonly priority: Priority;
  readonly parts: ShipmentParts;
  outcome: Settled | undefined;
  /** A copy of it is in the log. */
  isKept = false;
  private readonly settle: (shipment: Shipment) => void;

  constructor(parts: ShipmentParts, settle: (shipment: Shipment) => void) {
    this.parts = parts;
    this.payload = parts.batch.payload;
    this.bag = bagOf(parts);
    this.priority = parts.batch.logClass === 0 ? "high" : "normal";
    this.settle = settle;
  }

  onSettled(outcome: Settled): void {
    this.outcome = outcome;
    this.settle(this);
  }
}

function bagOf(parts: ShipmentParts): string {
  const { batch, bootId, sequence, missing, isOwn, lostClass, lost } = parts;
  const { logClass, epochMs, firstMs } = batch;
  let text = batch.bag === "" ? "" : `${batch.bag}&`;
  text += `${BOOT}=${bootId}&${SEQUENCE}=${sequence}&${CLASS}=${logClass}`;
  if (epochMs === undefined || !isOwn) text += `&${TICK}=${Math.floor(firstMs)}`;
  if (epochMs !== undefined && batch.isTimed) text += `&${EPOCH}=${Math.round(epochMs)}`;
  else if (epochMs !== undefined) {
    const time = new Date(epochMs + firstMs).toISOString();
    text += `&${CREATION_TIME}=${time.split(":").join("%3A")}`;
  }
  if (missing > 0) text += `&${MISSING}=${missing}`;
  if (lost) {
    const { count, firstBoot, firstSequence, lastBoot, lastSequence } = lost;
    text += `&${LOST}=${[lostClass, count, firstBoot, firstSequence, lastBoot, lastSequence].join(".")}`;
  }
  return text;
}
