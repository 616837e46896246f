/** Batches with store and forward, as a device takes them (`batched.ts`). */
import { GodwitError } from "../codec/error.ts";
import type { Clock } from "../ports/clock.ts";
import type { Platform } from "../ports/platform.ts";
import type { Random } from "../ports/random.ts";
import { BATCH_DEFAULTS, BATCH_LIMITS, type BatchLimits } from "./batch-limits.ts";
import { Batcher, channelsOf } from "./batcher.ts";
import type { Sample, TelemetryEncoding } from "./encoder.ts";
import { FlashLog } from "./log/flash-log.ts";
import type { TelemetryHost, TelemetryPath } from "./path.ts";
import { type OnSettled, Receipts } from "./receipts.ts";
import { type StoreLimits, TelemetryStore } from "./store.ts";
import { STORED_OVERHEAD_BYTES } from "./stored-batch.ts";

export interface ForwarderOptions {
  readonly encoding: TelemetryEncoding;
  readonly limits?: Partial<BatchLimits>;
  readonly store?: Partial<StoreLimits>;
  /** Program unit of the flash, see `FlashLogOptions`. */
  readonly unitBytes?: number;
}

/** Longest property bag of a shipment. */
const BAG_BYTES_MAX = 256;
const bootKey = "boot.id";

/**
 * A number that no earlier boot of this device has had: counted in storage. A storage that was erased has forgotten the
 * count, but consumers have not forgotten the stamps: there it begins anywhere in the lower half. One that takes nothing
 * (`onFault` is told) would count the same number for ever: then it is any.
 */
export function nextBootId(
  { storage, random }: Pick<Platform, "storage" | "random">,
  onFault: (error: unknown) => void,
): number {
  const stored = storage.read(bootKey);
  const before = stored?.length === 4 ? numberOf(stored) : anyNumber(random);
  const bootId = before >= 0xffffffff ? 1 : before + 1;
  try {
    storage.write(bootKey, new Uint8Array([bootId >>> 24, bootId >>> 16, bootId >>> 8, bootId]));
    return bootId;
  } catch (error) {
    onFault(error);
    return anyNumber(random) + 1;
  }
}

function numberOf(bytes: Uint8Array): number {
  let value = 0;
  for (const byte of bytes) value = value * 256 + byte;
  return value;
}

/** Below 2^31: the upper half is for counting on. */
function anyNumber(random: Random): number {
  const bytes = new Uint8Array(4);
  random.fill(bytes);
  bytes[0]! &= 127;
  return numberOf(bytes);
}

export class Forwarder implements TelemetryPath {
  readonly batcher: Batcher;
  readonly store: TelemetryStore;
  /** What the app wants, before the cloud has a say. */
  private readonly limits: BatchLimits;
  private readonly clock: Clock;
  private readonly failed: (error: unknown) => void;
  private readonly blockBytesMax: number;
  /** Only where somebody asks. */
  private receipts: Receipts | undefined;

  /**
   * Mounts the flash log if the platform has flash for it.
   * @throws GodwitError for impossible channels, limits or flash, naming what to change
   */
  constructor(host: TelemetryHost, options: ForwarderOptions) {
    const { platform } = host;
    const { flash } = platform;
    const onFault = (error: unknown) => host.failed("telemetry", error);
    const bootId = nextBootId(platform, onFault);
    const { unitBytes = 4, limits = {}, encoding } = options;
    const log = flash && new FlashLog({ flash, bootId, unitBytes, onFault });
    const recordBytesMax = (log?.payloadBytesMax ?? Infinity) - STORED_OVERHEAD_BYTES;
    this.blockBytesMax = Math.min(recordBytesMax, host.messageBytesMax - BAG_BYTES_MAX);
    this.store = new TelemetryStore({
      ...(log && { log }),
      ...{ bootId, onFault, limits: options.store ?? {} },
      send: (message) => host.send(message),
      onSettled: (logClass, first, last, outcome) =>
        this.receipts?.settled(logClass, first, last, outcome),
      epochMs: () => host.epochMs(),
    });
    const { clock } = platform;
    this.clock = clock;
    this.failed = onFault;
    const channels = channelsOf(host.specs);
    this.limits = { ...BATCH_DEFAULTS, ...limits };
    this.check(this.limits);
    this.batcher = new Batcher({ channels, encoding, limits }, (batch) => {
      const { logClass, firstRow = 0, endRow = 0 } = batch;
      const nowMs = clock.ticksMs();
      // An anchor that is due takes a number of its own, before the batch.
      this.store.date(nowMs);
      this.receipts?.batched(logClass, firstRow, endRow, this.store.nextSequence(logClass));
      this.store.offer(batch, nowMs);
    });
  }

  /** `onSettled`: the hub has all batches that the sample became a part of, or one of them was given up. */
  add(sample: Sample, nowMs: number, onSettled?: OnSettled): void {
    this.store.date(nowMs);
    if (!onSettled) {
      this.batcher.add(sample, nowMs);
      return;
    }
    this.receipts ??= new Receipts(this.failed);
    const { receipts } = this;
    receipts.begin(onSettled);
    try {
      this.batcher.add(sample, nowMs, (logClass, row) => receipts.row(logClass, row));
    } finally {
      receipts.end();
    }
  }

  tick(nowMs: number): void {
    this.batcher.tick(nowMs);
    this.store.tick(nowMs);
  }

  nextDeadlineMs(): number {
    return Math.min(this.batcher.nextDeadlineMs(), this.store.nextDeadlineMs());
  }

  setOnline(isOnline: boolean, nowMs: number): void {
    this.store.setOnline(isOnline, nowMs);
  }

  persist(): void {
    // What is closed now goes to flash, not to an outbox that ends with the power.
    this.store.setOnline(false, this.clock.ticksMs());
    this.batcher.flush();
    this.store.persist();
  }

  adjust(name: string, value: unknown): void {
    if (name !== BATCH_LIMITS) return;
    const limits: BatchLimits = { ...this.limits, ...(value as BatchLimits) };
    this.check(limits);
    this.batcher.setLimits(limits);
  }

  private check({ blockBytes }: BatchLimits): void {
    if (blockBytes <= this.blockBytesMax) return;
    const text = `batch limits: blockBytes ${blockBytes} is more than flash log or outbox take`;
    throw new GodwitError("limit", `${text}: at most ${this.blockBytesMax}`);
  }
}
