/** Store and forward: batches wait in RAM while the line is good and go to flash when it is not, or when they matter. */
import type { OutboundMessage, Settled } from "../connection/types.ts";
import type { Batch } from "./batcher.ts";
import type { FlashLog } from "./log/flash-log.ts";
import type { LogClass, LostRecords } from "./log/types.ts";
import { Shipment, type ShipmentParts } from "./shipment.ts";
import { StoreLog } from "./store-log.ts";
import { StoreQueue } from "./store-queue.ts";
import { anchorOf } from "./time-anchors.ts";

export interface StoreLimits {
  /** Batches in RAM; beyond that they go to flash, without flash the lowest class is dropped first. */
  readonly ramBytesMax: number;
  readonly ramCountMax: number;
  /** A batch that has waited this long in RAM goes to flash. */
  readonly oldMs: number;
  /** Messages given to the connection and not settled; bounds repetitions. */
  readonly inFlightMax: number;
  /** Acknowledgements wait at most this long to be written to flash. */
  readonly saveMs: number;
}

export const STORE_DEFAULTS: StoreLimits = {
  ramBytesMax: 8192,
  ramCountMax: 16,
  oldMs: 60_000,
  inFlightMax: 4,
  saveMs: 60_000,
};

export interface StoreOptions {
  /** Absent: RAM only. */
  readonly log?: FlashLog;
  /** Number of this boot, the same as the log's. */
  readonly bootId: number;
  /** The connection; its outbox should refuse, not drop: what it drops is sent again. */
  send(message: OutboundMessage): boolean;
  /** Unix time of tick 0, undefined while the wall clock is not known. Asked anew for each message. */
  epochMs(): number | undefined;
  readonly limits?: Partial<StoreLimits>;
  /** What became of this boot's batches from `first` to `last` of a class; must not throw. */
  onSettled?(logClass: LogClass, first: number, last: number, outcome: Settled): void;
  /** Flash that fails, and stored batches that cannot be understood; must not throw. */
  onFault?(error: unknown): void;
}

const CLASSES: readonly LogClass[] = [0, 1, 2];

export class TelemetryStore {
  private readonly options: StoreOptions;
  private readonly limits: StoreLimits;
  private readonly queue: StoreQueue;
  private readonly sequences = new Uint32Array(3);
  private readonly inFlight: Shipment[] = [];
  /** Absent: RAM only. */
  private readonly stored: StoreLog | undefined;
  private refused: Shipment | undefined;
  private isOnline = false;
  private isPumping = false;
  private nowMs = 0;
  /** Settled, and not looked at yet: MQTT and TLS are on the stack when the connection tells. */
  private readonly told: Shipment[] = [];
  private readonly onSettled = (shipment: Shipment) => {
    this.told.push(shipment);
  };

  constructor(options: StoreOptions) {
    this.options = options;
    this.limits = { ...STORE_DEFAULTS, ...options.limits };
    this.queue = new StoreQueue(options.bootId);
    if (options.log) this.stored = new StoreLog(options.log, options, this.limits.saveMs);
  }

  /** Batches that are not in flight. */
  get waiting(): number {
    let count = 0;
    for (const i of CLASSES)
      count += this.queue.waiting[i]!.length + (this.stored?.waiting(i) ?? 0);
    return count;
  }

  get inFlightCount(): number {
    return this.inFlight.length;
  }

  /** Stamp of the batch that `offer` takes next, unless an anchor is due: `date` first. */
  nextSequence(logClass: LogClass): number {
    return this.sequences[logClass]!;
  }

  /** Takes a finished batch; never refuses. Critical ones, and all while offline, are in flash when this returns. */
  offer(batch: Batch, nowMs: number): void {
    this.nowMs = nowMs;
    const { logClass } = batch;
    const { queue, limits } = this;
    this.date(nowMs);
    queue.add({ batch, sequence: this.sequences[logClass]!++, sinceMs: nowMs });
    if (logClass === 0 || !this.isOnline) this.spill(logClass);
    else this.pump();
    while (queue.exceeds(limits.ramBytesMax, limits.ramCountMax)) {
      const { victim } = queue;
      if (victim === undefined) break;
      if (this.spill(victim)) continue;
      const sequence = queue.drop();
      this.options.onSettled?.(victim, sequence, sequence, "dropped");
    }
    this.pump();
  }

  /** The connection came up or went down. What is in RAM goes to flash when it went down. */
  setOnline(isOnline: boolean, nowMs: number): void {
    this.nowMs = nowMs;
    this.isOnline = isOnline;
    this.date(nowMs);
    if (isOnline) this.pump();
    else this.spillAll();
  }

  /** The connection has room again. */
  pump(): void {
    if (this.isPumping) return;
    this.isPumping = true;
    const { inFlightMax } = this.limits;
    // What is dropped at once must not be offered for ever.
    for (let sent = 0; sent < inFlightMax; sent++) {
      if (!this.isOnline || this.inFlight.length >= inFlightMax) break;
      const shipment = this.refused ?? this.next();
      if (!shipment) break;
      this.refused = undefined;
      // Before `send`: it may be settled before that returns.
      this.inFlight.push(shipment);
      if (this.options.send(shipment)) continue;
      this.inFlight.splice(this.inFlight.indexOf(shipment), 1);
      this.refused = shipment;
      break;
    }
    this.isPumping = false;
  }

  /** Due after every settled message, and when `nextDeadlineMs` says so. */
  tick(nowMs: number): void {
    this.nowMs = nowMs;
    for (let one = this.told.shift(); one; one = this.told.shift()) this.settled(one);
    this.date(nowMs);
    const { waiting } = this.queue;
    for (const i of CLASSES) {
      const oldest = waiting[i]![0];
      if (oldest && nowMs >= oldest.sinceMs + this.limits.oldMs) this.spill(i);
    }
    if (this.stored && nowMs >= this.stored.saveAtMs) this.stored.save();
    this.pump();
  }

  nextDeadlineMs(): number {
    if (this.told.length > 0) return 0;
    if (!this.stored) return Infinity;
    let deadlineMs = this.stored.saveAtMs;
    for (const queue of this.queue.waiting) {
      if (queue[0]) deadlineMs = Math.min(deadlineMs, queue[0].sinceMs + this.limits.oldMs);
    }
    return deadlineMs;
  }

  /** Before a restart: everything that can be kept is in flash when this returns. */
  persist(): void {
    this.spillAll();
    this.stored?.save();
  }

  private spillAll(): void {
    if (!this.stored) return;
    // What is in flight from RAM would die with the power; if it arrives all the same, it arrives twice.
    for (const shipment of [this.refused, ...this.inFlight]) {
      if (!shipment || shipment.parts.ordinal >= 0 || shipment.isKept) continue;
      shipment.isKept = true;
      const { batch, sequence } = shipment.parts;
      this.queue.add({ batch, sequence, sinceMs: this.nowMs });
    }
    if (this.refused && this.refused.parts.ordinal < 0) this.refused = undefined;
    for (const i of CLASSES) this.spill(i);
  }

  /** Moves the batches of a class from RAM to flash; false: not all of them, they stay in RAM. */
  private spill(logClass: LogClass): boolean {
    const { stored } = this;
    if (!stored) return false;
    for (;;) {
      const entry = this.queue.take(logClass);
      if (!entry) return true;
      if (stored.write(entry)) continue;
      this.queue.add(entry);
      return false;
    }
  }

  /** Dates what lies in the log, should this boot end before it is sent: whenever the clock may have been set. */
  date(nowMs: number): void {
    this.nowMs = nowMs;
    const { stored } = this;
    if (!stored?.anchors.isOpen) return;
    const epochMs = this.options.epochMs();
    const logClass = stored.anchors.due(epochMs);
    if (logClass === undefined || epochMs === undefined) return;
    stored.anchors.dropped(epochMs);
    // What waits in RAM has lower numbers.
    if (!this.spill(logClass)) return;
    const sequence = this.sequences[logClass]!++;
    stored.write({ batch: anchorOf(logClass, nowMs), sequence, sinceMs: nowMs });
  }

  /** The next message: of the highest class, the log before RAM, for it holds what is older. */
  private next(): Shipment | undefined {
    const { stored } = this;
    const { bootId } = this.options;
    for (const logClass of CLASSES) {
      const entry = stored?.log.next(logClass);
      if (stored && entry) {
        const shipment = this.ship(stored.partsOf(entry, this.nowMs));
        stored.sent(shipment);
        return shipment;
      }
      const waiting = this.queue.take(logClass);
      if (!waiting) continue;
      const { sequence } = waiting;
      const batch = { ...waiting.batch, epochMs: this.options.epochMs() };
      return this.ship({ batch, bootId, sequence, ordinal: -1, missing: 0, isOwn: true });
    }
    return undefined;
  }

  /** The first loss that nobody was told rides along. */
  private ship(parts: Omit<ShipmentParts, "lost" | "lostClass">): Shipment {
    let lost: LostRecords | undefined;
    let lostClass: LogClass = 0;
    for (const i of CLASSES) {
      if (lost || this.isTelling(i)) continue;
      lost = this.lostOf(i);
      lostClass = i;
    }
    return new Shipment({ ...parts, lost, lostClass }, this.onSettled);
  }

  private lostOf(logClass: LogClass): LostRecords | undefined {
    return this.stored?.log.lost(logClass) ?? this.queue.lost[logClass];
  }

  private isTelling(logClass: LogClass): boolean {
    return this.inFlight.some(({ parts }) => parts.lost && parts.lostClass === logClass);
  }

  private settled(shipment: Shipment): void {
    const { parts, outcome } = shipment;
    const at = this.inFlight.indexOf(shipment);
    if (at >= 0) this.inFlight.splice(at, 1);
    const isAcknowledged = outcome === "acknowledged";
    const { onSettled, bootId } = this.options;
    const { sequence, batch } = parts;
    if (isAcknowledged && parts.bootId === bootId)
      onSettled?.(batch.logClass, sequence, sequence, outcome);
    try {
      if (isAcknowledged && parts.lost) this.forget(parts.lostClass, parts.lost);
      if (parts.ordinal >= 0) this.stored?.settle(parts.batch.logClass, this.nowMs);
      else if (!isAcknowledged && !shipment.isKept) {
        this.queue.add({ batch: parts.batch, sequence: parts.sequence, sinceMs: this.nowMs });
      }
    } catch (error) {
      this.options.onFault?.(error);
    }
  }

  private forget(logClass: LogClass, lost: LostRecords): void {
    if (!this.stored?.forget(logClass, lost, this.nowMs)) this.queue.forget(logClass, lost);
  }
}
