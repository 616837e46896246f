/** The part of the store that lies in flash: what goes into the log, comes out of it again, and is done with. */
import type { Settled } from "../connection/types.ts";
import type { FlashLog } from "./log/flash-log.ts";
import type { LogClass, LogEntry, LostRecords } from "./log/types.ts";
import type { Shipment, ShipmentParts } from "./shipment.ts";
import type { Waiting } from "./store-queue.ts";
import { packBatch, type StoredBatch, unpackBatch } from "./stored-batch.ts";
import { TimeAnchors } from "./time-anchors.ts";

/** What it needs of the store's options; see `StoreOptions`. */
export interface StoreLogOptions {
  readonly bootId: number;
  epochMs(): number | undefined;
  onSettled?(logClass: LogClass, first: number, last: number, outcome: Settled): void;
  onFault?(error: unknown): void;
}

const CLASSES: readonly LogClass[] = [0, 1, 2];

export class StoreLog {
  readonly log: FlashLog;
  readonly anchors = new TimeAnchors();
  /** When acknowledgements have to be written to flash; Infinity: there are none. */
  saveAtMs = Infinity;
  private readonly options: StoreLogOptions;
  private readonly saveMs: number;
  /** Shipments out of the log, in its order, per class. */
  private readonly logged: Shipment[][] = [[], [], []];

  constructor(log: FlashLog, options: StoreLogOptions, saveMs: number) {
    this.log = log;
    this.options = options;
    this.saveMs = saveMs;
  }

  /** Batches of a class in the log that are not on their way. */
  waiting(logClass: LogClass): number {
    return this.log.pending(logClass) - this.logged[logClass]!.length;
  }

  /** False: flash has failed. A refusal is a declared loss of the log: the batch need not be kept elsewhere either. */
  write({ batch, sequence }: Waiting): boolean {
    const { log, options } = this;
    const { logClass } = batch;
    try {
      const epochMs = options.epochMs();
      const bytes = packBatch(batch, epochMs);
      this.anchors.stored(logClass, epochMs);
      const isKept = log.append(logClass, sequence, bytes);
      if (!isKept) options.onSettled?.(logClass, sequence, sequence, "dropped");
      this.madeRoom();
      return true;
    } catch (error) {
      options.onFault?.(error);
      return false;
    }
  }

  /** The log may have given up records of any class for one that was written. */
  private madeRoom(): void {
    const { onSettled, bootId } = this.options;
    for (const i of CLASSES) {
      const lost = onSettled && this.log.lost(i);
      if (lost?.lastBoot !== bootId) continue;
      const first = lost.firstBoot === bootId ? lost.firstSequence : 0;
      onSettled?.(i, first, lost.lastSequence, "dropped");
    }
  }

  /** What a shipment of an entry says. */
  partsOf(entry: LogEntry, nowMs: number): Omit<ShipmentParts, "lost" | "lostClass"> {
    const { logClass, bootId, sequence, ordinal, payload } = entry;
    let { missing } = entry;
    let batch: StoredBatch | undefined;
    try {
      if (payload) batch = unpackBatch(logClass, payload);
    } catch (error) {
      this.options.onFault?.(error);
      missing++;
    }
    // Nothing readable: an empty message tells about it.
    batch ??= {
      ...{ logClass, bag: "", isTimed: false, firstMs: nowMs },
      payload: new Uint8Array(0),
      epochMs: undefined,
    };
    const isOwn = bootId === this.options.bootId;
    // What the clock says now is better than what it said then, but says nothing about other boots.
    const epochMs = (isOwn ? this.options.epochMs() : undefined) ?? batch.epochMs;
    return { batch: { ...batch, epochMs }, bootId, sequence, ordinal, missing, isOwn };
  }

  /** A shipment out of the log is on its way. */
  sent(shipment: Shipment): void {
    this.logged[shipment.parts.batch.logClass]!.push(shipment);
  }

  /** Acknowledges what has arrived without a gap; once all have met their fate, the dropped ones are read again. */
  settle(logClass: LogClass, nowMs: number): void {
    const list = this.logged[logClass]!;
    const { log } = this;
    while (list[0]?.outcome === "acknowledged") {
      const { ordinal } = list.shift()!.parts;
      log.acknowledge(logClass, ordinal);
      if (log.pending(logClass) === 0) this.anchors.forget(logClass);
      this.soon(nowMs);
    }
    if (list.length === 0 || list.some(({ outcome }) => outcome === undefined)) return;
    list.length = 0;
    log.rewind(logClass);
  }

  /** Somebody knows about `told`; false: it was no loss of the log. */
  forget(logClass: LogClass, told: LostRecords, nowMs: number): boolean {
    this.soon(nowMs);
    if (!this.log.lost(logClass)) return false;
    this.log.acknowledgeLost(logClass, told);
    return true;
  }

  private soon(nowMs: number): void {
    this.saveAtMs = Math.min(this.saveAtMs, nowMs + this.saveMs);
  }

  save(): void {
    this.saveAtMs = Infinity;
    try {
      this.log.save();
    } catch (error) {
      this.options.onFault?.(error);
    }
  }
}
