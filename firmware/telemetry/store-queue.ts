/** Batches that wait in RAM, per class: bounded in bytes and count; what does not fit any more is declared lost. */
import type { Batch } from "./batcher.ts";
import type { LogClass, LostRecords } from "./log/types.ts";

/** What a waiting batch costs beside its payload. */
const ENTRY_OVERHEAD_BYTES = 64;

export interface Waiting {
  readonly batch: Batch;
  readonly sequence: number;
  readonly sinceMs: number;
}

export class StoreQueue {
  readonly waiting: Waiting[][] = [[], [], []];
  readonly lost: (LostRecords | undefined)[] = [undefined, undefined, undefined];
  private readonly bootId: number;
  private bytes = 0;
  private count = 0;

  constructor(bootId: number) {
    this.bootId = bootId;
  }

  /** In the order of their sequence: what comes back goes before what is newer. */
  add(entry: Waiting): void {
    const queue = this.waiting[entry.batch.logClass]!;
    let at = queue.length;
    while (at > 0 && queue[at - 1]!.sequence > entry.sequence) at--;
    queue.splice(at, 0, entry);
    this.bytes += entry.batch.payload.length + ENTRY_OVERHEAD_BYTES;
    this.count++;
  }

  take(logClass: LogClass): Waiting | undefined {
    const entry = this.waiting[logClass]!.shift();
    if (!entry) return undefined;
    this.bytes -= entry.batch.payload.length + ENTRY_OVERHEAD_BYTES;
    this.count--;
    return entry;
  }

  exceeds(bytesMax: number, countMax: number): boolean {
    return this.bytes > bytesMax || this.count > countMax;
  }

  /** The class whose oldest batch goes first; undefined: nothing waits. */
  get victim(): LogClass | undefined {
    for (let i = 2; i >= 0; i--) if (this.waiting[i]!.length > 0) return i as LogClass;
    return undefined;
  }

  /** Gives up the oldest batch of the lowest class; returns its sequence. */
  drop(): number {
    const { victim, bootId } = this;
    const entry = victim === undefined ? undefined : this.take(victim);
    if (victim === undefined || !entry) return -1;
    const old = this.lost[victim];
    this.lost[victim] = {
      count: (old?.count ?? 0) + 1,
      firstBoot: bootId,
      firstSequence: old?.firstSequence ?? entry.sequence,
      lastBoot: bootId,
      lastSequence: entry.sequence,
    };
    return entry.sequence;
  }

  /** Somebody knows about `told`. */
  forget(logClass: LogClass, told: LostRecords): void {
    const now = this.lost[logClass];
    if (!now) return;
    const count = now.count - told.count;
    const firstSequence = told.lastSequence + 1;
    this.lost[logClass] = count > 0 ? { ...now, count, firstSequence } : undefined;
  }
}
