// What a flash log must hold, kept beside it and compared with it byte by byte.
import type { FlashLog } from "../../firmware/telemetry/log/flash-log.ts";
import type { LogClass } from "../../firmware/telemetry/log/types.ts";
import { mixer } from "./torn-flash.ts";

export const LOG_CLASSES = [0, 1, 2] as const;

/** Never changed in place: branches of a sweep share them. */
interface Stored {
  readonly bootId: number;
  readonly sequence: number;
  /** Told to the log as arrived. */
  readonly isAcked: boolean;
}

/** Records that a sector of the smallest test shape can hold. */
const SECTOR_RECORDS = 23;

/** Length of a payload, by class, sequence and a random number. */
export type PayloadBytes = (logClass: number, sequence: number, random: number) => number;

/** Short records for small sectors, every seventh a longer one. */
const shortBytes: PayloadBytes = (_, sequence, random) =>
  8 + (random % (sequence % 7 === 6 ? 220 : 72));

/** Contents follow from the stamp alone; no two stamps share their bytes. */
export function payloadOf(
  logClass: number,
  bootId: number,
  sequence: number,
  length: PayloadBytes = shortBytes,
): Uint8Array {
  const next = mixer(logClass * 7919 + bootId * 104729 + sequence * 31 + 1);
  const bytes = new Uint8Array(length(logClass, sequence, next()));
  for (let i = 0; i < bytes.length; i++) bytes[i] = next() & 255;
  bytes.set([logClass, bootId, sequence & 255, sequence >> 8]);
  return bytes;
}

/** The promises of SPEC.md §1, checked against what a mounted log gives. */
export class LogOracle {
  /** Records whose `append` has returned true, per class, in order. */
  readonly stored: Stored[][] = [[], [], []];
  /** Stamp of an append that has not returned when the power went: may be there or not. */
  pending: { logClass: LogClass; bootId: number; sequence: number } | undefined;
  /** Records that `append` refused. */
  readonly refused = [0, 0, 0];
  readonly told = [0, 0, 0];
  readonly sequences = [0, 0, 0];
  boots = 1;
  /** A watermark could not be written for want of a free sector: one sector's records may come again. */
  isDeferred = false;
  readonly #length: PayloadBytes | undefined;
  /** Contents by stamp, shared by all branches. */
  readonly #payloads: Map<number, Uint8Array>;

  constructor(length?: PayloadBytes, payloads = new Map<number, Uint8Array>()) {
    this.#length = length;
    this.#payloads = payloads;
  }

  clone(): LogOracle {
    const copy = new LogOracle(this.#length, this.#payloads);
    for (const i of LOG_CLASSES) {
      copy.stored[i] = this.stored[i]!.slice();
      copy.refused[i] = this.refused[i]!;
      copy.told[i] = this.told[i]!;
      copy.sequences[i] = this.sequences[i]!;
    }
    copy.pending = this.pending;
    copy.boots = this.boots;
    copy.isDeferred = this.isDeferred;
    return copy;
  }

  payload(logClass: number, bootId: number, sequence: number): Uint8Array {
    const key = (bootId * 4 + logClass) * 65536 + sequence;
    let bytes = this.#payloads.get(key);
    if (!bytes) {
      bytes = payloadOf(logClass, bootId, sequence, this.#length);
      this.#payloads.set(key, bytes);
    }
    return bytes;
  }

  /** The record has arrived. @throws Error if it was never stored */
  acknowledge(logClass: LogClass, bootId: number, sequence: number): void {
    const all = this.stored[logClass]!;
    for (let i = all.length - 1; i >= 0; i--) {
      const record = all[i]!;
      if (record.bootId !== bootId || record.sequence !== sequence) continue;
      all[i] = { ...record, isAcked: true };
      return;
    }
    throw new Error(`class ${logClass}: ${bootId}/${sequence} was never stored`);
  }

  /** Reads the whole log, compares every byte, and takes over what the cut left undecided. */
  check(log: FlashLog, acksMax: number): void {
    const duplicatesMax = acksMax + (this.isDeferred ? SECTOR_RECORDS : 0);
    log.rewind();
    for (const logClass of LOG_CLASSES) this.#checkClass(log, logClass, duplicatesMax);
    this.pending = undefined;
    log.rewind();
  }

  #checkClass(log: FlashLog, logClass: LogClass, duplicatesMax: number): void {
    const where = `class ${logClass}`;
    const all = this.stored[logClass]!;
    const { pending } = this;
    const found: Stored[] = [];
    for (let entry = log.next(logClass); entry; entry = log.next(logClass)) {
      if (entry.missing > 0) throw new Error(`${where}: ${entry.missing} records are missing`);
      const { bootId, sequence, payload } = entry;
      // What a broken log makes up must not end the test by its size.
      const isStamp = bootId <= this.boots && sequence < 65536;
      if (
        !payload ||
        !isStamp ||
        Buffer.compare(payload, this.payload(logClass, bootId, sequence)) !== 0
      ) {
        throw new Error(`${where}: false record ${bootId}/${sequence}`);
      }
      found.push({ bootId, sequence, isAcked: false });
    }
    if (log.pending(logClass) !== found.length) {
      throw new Error(`${where}: ${log.pending(logClass)} pending, ${found.length} read`);
    }
    const last = found[found.length - 1];
    const isPending =
      last !== undefined &&
      pending?.logClass === logClass &&
      pending.bootId === last.bootId &&
      pending.sequence === last.sequence;
    if (isPending) all.push(last);
    const gone = all.length - found.length;
    if (gone < 0) throw new Error(`${where}: ${-gone} records more than were stored`);
    for (const [i, record] of found.entries()) {
      const { bootId, sequence } = all[gone + i]!;
      if (record.bootId === bootId && record.sequence === sequence) continue;
      const text = `${record.bootId}/${record.sequence} in the place of ${bootId}/${sequence}`;
      throw new Error(`${where}: ${text}`);
    }
    this.#checkGone(log, logClass, gone, duplicatesMax);
  }

  /** What is not there any more has arrived or is declared as lost. */
  #checkGone(log: FlashLog, logClass: LogClass, gone: number, duplicatesMax: number): void {
    const where = `class ${logClass}`;
    const all = this.stored[logClass]!;
    const again = all.slice(gone).filter((record) => record.isAcked).length;
    if (again > duplicatesMax) throw new Error(`${where}: ${again} duplicates`);
    const missed = all.slice(0, gone).filter((record) => !record.isAcked);
    const lost = log.lost(logClass);
    const declared = (lost?.count ?? 0) + this.told[logClass]!;
    if (declared < missed.length) {
      throw new Error(`${where}: ${missed.length} records are gone, ${declared} declared`);
    }
    const slack = this.refused[logClass]! + duplicatesMax * this.boots + this.told[logClass]!;
    if (declared > missed.length + slack) {
      throw new Error(`${where}: ${declared} declared, ${missed.length} are gone`);
    }
    if (!lost || this.told[logClass]! > 0) return;
    for (const { bootId, sequence } of missed) {
      const isBefore =
        bootId < lost.firstBoot || (bootId === lost.firstBoot && sequence < lost.firstSequence);
      const isBehind =
        bootId > lost.lastBoot || (bootId === lost.lastBoot && sequence > lost.lastSequence);
      if (isBefore || isBehind) throw new Error(`${where}: ${bootId}/${sequence} undeclared`);
    }
  }
}
