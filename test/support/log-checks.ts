// Promises of the flash log that need a certain situation; each check throws when its promise is broken.
import assert from "node:assert/strict";
import { crc32 } from "../../firmware/codec/crc32.ts";
import type { FlashLog } from "../../firmware/telemetry/log/flash-log.ts";
import type { LogClass, LogEntry } from "../../firmware/telemetry/log/types.ts";
import { payloadOf } from "./log-oracle.ts";
import { SMALL } from "./log-scripts.ts";
import type { OpenLog } from "./log-sweep.ts";
import { TornFlash } from "./torn-flash.ts";

export type Check = (open: OpenLog) => void;

const BYTES = 40;

export function payload(value: number, length = BYTES): Uint8Array {
  return new Uint8Array(length).fill(value & 127);
}

export function fill(log: FlashLog, logClass: LogClass, from: number, count: number): void {
  for (let i = from; i < from + count; i++) log.append(logClass, i, payload(i));
}

export function readAll(log: FlashLog, logClass?: LogClass): LogEntry[] {
  const entries: LogEntry[] = [];
  for (let entry = log.next(logClass); entry; entry = log.next(logClass)) entries.push(entry);
  return entries;
}

export function sequences(entries: readonly LogEntry[]): number[] {
  return entries.map((entry) => entry.sequence);
}

export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

/** Bytes of a record that would be valid anywhere if its checksum did not cover its place. */
function image(): Uint8Array {
  const bytes = new Uint8Array(20).fill(7);
  bytes.set([0x10, 8, 0, 0, 0, 0, 0, 99]);
  const head = crc32(bytes.subarray(0, 8));
  bytes[3] = head;
  const crc = crc32(bytes.subarray(12), head);
  bytes.set([crc >>> 24, crc >>> 16, crc >>> 8, crc], 8);
  return bytes;
}

const bootId = 1;

export const checks: Readonly<Record<string, Check>> = {
  "the lowest class makes room first, the critical one last": (open) => {
    const log = open({ flash: new TornFlash(SMALL), bootId });
    fill(log, 0, 0, 9);
    fill(log, 1, 0, 9);
    fill(log, 2, 0, 9);
    fill(log, 0, 9, 41);
    assert.ok(log.lost(2), "bulk goes first");
    assert.equal(log.pending(2) > 0 && log.lost(1) !== undefined, false, "normal before bulk");
    assert.equal(log.lost(0), undefined);
    assert.deepEqual(sequences(readAll(log, 0)), range(0, 50));
    fill(log, 0, 50, 40);
    assert.equal(log.pending(1) + log.pending(2), 0);
    assert.equal(log.lost(0)!.count + log.pending(0), 90);
  },
  "a record of a lower class than all others is refused and declared": (open) => {
    const log = open({ flash: new TornFlash(SMALL), bootId });
    fill(log, 0, 0, 80);
    const before = log.pending(0);
    assert.equal(log.append(2, 5, payload(5)), false);
    assert.equal(log.pending(0), before);
    const lost = { count: 1, firstBoot: 1, firstSequence: 5, lastBoot: 1, lastSequence: 5 };
    assert.deepEqual(log.lost(2), lost);
  },
  "losses are exact, and told ones are not told again": (open) => {
    const flash = new TornFlash(SMALL);
    const log = open({ flash, bootId });
    fill(log, 1, 0, 80);
    const first = log.lost(1)!;
    const { count } = first;
    const kept = range(count, 80);
    const hull = { firstBoot: 1, firstSequence: 0, lastBoot: 1, lastSequence: count - 1 };
    assert.deepEqual(first, { count, ...hull });
    assert.deepEqual(sequences(readAll(log, 1)), kept);
    fill(log, 1, 80, 20);
    const more = log.lost(1)!.count - count;
    assert.ok(more > 0);
    log.acknowledgeLost(1, first);
    assert.equal(log.lost(1)!.count, more);
    assert.equal(log.lost(1)!.firstSequence, count);
    log.save();
    const again = open({ flash: flash.reopened(), bootId: 2 });
    assert.deepEqual(again.lost(1), log.lost(1));
    again.acknowledgeLost(1, again.lost(1)!);
    again.save();
    assert.equal(open({ flash: flash.reopened(), bootId: 3 }).lost(1)?.count, more);
  },
  "a corrupt record loses itself alone and is counted": (open) => {
    const flash = new TornFlash(SMALL);
    fill(open({ flash, bootId }), 1, 0, 30);
    for (const place of [1, 3]) {
      const at = flash.bytes.findIndex((_, i) =>
        flash.bytes.subarray(i, i + BYTES).every((byte) => byte === place),
      );
      flash.bytes[at + (place === 1 ? 9 : -11)] = 0;
    }
    const faults: string[] = [];
    const onFault = (error: Error) => faults.push(error.message);
    const log = open({ flash: flash.reopened(), bootId: 2, onFault });
    const entries = readAll(log, 1);
    assert.deepEqual(sequences(entries), [0, 2, ...range(4, 30)]);
    assert.deepEqual(entries.map((entry) => entry.missing).filter(Boolean), [1, 1]);
    assert.equal(log.counters.missingRecords, 2);
    assert.ok(
      faults.some((text) => /1 records of class 1 before ordinal 2 are unreadable/.test(text)),
    );
  },
  "a corrupt record in the newest sector does not hide those behind it": (open) => {
    const flash = new TornFlash(SMALL);
    fill(open({ flash, bootId }), 1, 0, 6);
    const at = flash.bytes.findIndex((_, i) =>
      flash.bytes.subarray(i, i + 9).every((byte) => byte === 2),
    );
    flash.bytes[at] = 0;
    const log = open({ flash: flash.reopened(), bootId: 2 });
    assert.deepEqual(sequences(readAll(log, 1)), [0, 1, 3, 4, 5]);
  },
  "a class goes on behind its watermark when its last sector is corrupt": (open) => {
    const flash = new TornFlash(SMALL);
    const log = open({ flash, bootId });
    fill(log, 1, 0, 20);
    for (const entry of readAll(log, 1).slice(0, 19)) log.acknowledge(1, entry.ordinal);
    fill(log, 0, 0, 1);
    flash.bytes[2 * SMALL.sectorBytes]! = 0;
    const again = open({ flash: flash.reopened(), bootId: 2 });
    readAll(again, 1);
    fill(again, 1, 100, 3);
    assert.deepEqual(sequences(readAll(again, 1)), range(100, 103));
  },
  "a class goes on behind its watermark when its sectors serve others": (open) => {
    const flash = new TornFlash(SMALL);
    const log = open({ flash, bootId });
    fill(log, 1, 0, 20);
    for (const entry of readAll(log, 1)) log.acknowledge(1, entry.ordinal);
    for (let i = 0; i < 300; i++) {
      fill(log, 0, i, 1);
      log.acknowledge(0, log.next(0)!.ordinal);
    }
    const again = open({ flash: flash.reopened(), bootId: 2 });
    assert.equal(again.pending(1), 0);
    fill(again, 1, 100, 3);
    assert.deepEqual(sequences(readAll(again, 1)), range(100, 103));
  },
  "a sector whose erase was cut short takes no records": (open) => {
    const flash = new TornFlash(SMALL);
    const log = open({ flash, bootId, acksMax: 100 });
    // The sixth record of a sector ends where its second half begins: what is left looks whole.
    for (let i = 0; i < 38; i++) log.append(1, i, payload(i, 24));
    for (const entry of readAll(log, 1)) log.acknowledge(1, entry.ordinal);
    log.save();
    flash.form = "secondHalf";
    flash.onOperation = ({ kind, offset }) => {
      if (kind === "erase" && offset === 2 * SMALL.sectorBytes) flash.cutAt = flash.operations;
    };
    for (let i = 0; i < 300 && !flash.isDead; i++) {
      try {
        fill(log, 0, i, 1);
        log.acknowledge(0, log.next(0)!.ordinal);
      } catch {
        // The power is gone.
      }
    }
    assert.ok(flash.isDead);
    const again = flash.reopened();
    const after = open({ flash: again, bootId: 2 });
    fill(after, 1, 100, 6);
    assert.equal(again.violation, undefined);
    assert.deepEqual(sequences(readAll(after, 1)), range(100, 106));
  },
  "a drained sector goes on taking records": (open) => {
    const flash = new TornFlash(SMALL);
    const log = open({ flash, bootId, acksMax: 1 });
    for (let i = 0; i < 45; i++) {
      const logClass = (i % 2) as LogClass;
      fill(log, logClass, i, 1);
      log.acknowledge(logClass, log.next(logClass)!.ordinal);
    }
    const erases = flash.erases.reduce((sum, count) => sum + count, 0);
    assert.ok(erases <= 12, `${erases} erases`);
  },
  "a sector that does not take its header is passed over": (open) => {
    const flash = new TornFlash(SMALL);
    const log = open({ flash, bootId });
    fill(log, 1, 0, 5);
    const { program } = TornFlash.prototype;
    flash.program = (offset, bytes) => {
      if (offset !== SMALL.sectorBytes) program.call(flash, offset, bytes);
    };
    fill(log, 1, 5, 25);
    assert.equal(log.counters.badSectors, 1);
    const again = open({ flash: flash.reopened(), bootId: 2 });
    assert.deepEqual(sequences(readAll(again, 1)), range(0, 30));
  },
  "a corrupt sector is counted, its neighbours are kept": (open) => {
    const flash = new TornFlash(SMALL);
    fill(open({ flash, bootId }), 1, 0, 30);
    flash.bytes[SMALL.sectorBytes + 5]! ^= 0x11;
    const log = open({ flash: flash.reopened(), bootId: 2 });
    const entries = readAll(log, 1);
    const missing = entries.reduce((sum, entry) => sum + entry.missing, 0);
    assert.equal(missing + entries.length, 30);
    assert.ok(missing > 3 && missing < 10);
    fill(log, 1, 30, 3);
    assert.deepEqual(sequences(readAll(log, 1)), range(30, 33));
  },
  "unreadable records at the end are reported and can be acknowledged": (open) => {
    const flash = new TornFlash(SMALL);
    const log = open({ flash, bootId });
    fill(log, 1, 0, 12);
    flash.bytes.fill(0, 0, 2 * SMALL.sectorBytes);
    const [entry, ...more] = readAll(log, 1);
    assert.equal(more.length, 0);
    assert.equal(entry!.payload, undefined);
    assert.equal(entry!.missing, 12);
    log.acknowledge(1, entry!.ordinal);
    assert.equal(log.pending(1), 0);
    fill(log, 1, 12, 2);
    assert.deepEqual(sequences(readAll(log, 1)), [12, 13]);
  },
  "a payload that looks like a record is never taken for one": (open) => {
    const flash = new TornFlash(SMALL);
    const log = open({ flash, bootId });
    fill(log, 1, 0, 2);
    flash.cutAt = flash.operations;
    flash.form = "allButLast";
    const trap = new Uint8Array(160).fill(1);
    for (let at = 0; at + 20 <= 160; at += 20) trap.set(image(), at);
    assert.throws(() => log.append(1, 2, trap));
    const after = open({ flash: flash.reopened(), bootId: 2 });
    assert.deepEqual(sequences(readAll(after, 1)), [0, 1]);
  },
  "a program that fails without a power cut spoils nothing": (open) => {
    const flash = new TornFlash(SMALL);
    const log = open({ flash, bootId });
    fill(log, 1, 0, 2);
    let isFailing = true;
    flash.onOperation = ({ kind }) => {
      const fails = isFailing && kind === "program";
      isFailing = false;
      if (fails) throw new Error("the driver gave up");
    };
    fill(log, 1, 2, 4);
    log.save();
    assert.equal(flash.violation, undefined);
    assert.deepEqual(sequences(readAll(log, 1)), range(0, 6));
    assert.deepEqual(
      sequences(readAll(open({ flash: flash.reopened(), bootId: 2 }), 1)),
      range(0, 6),
    );
  },
  "bits that stick are noticed before the record is promised": (open) => {
    const flash = new TornFlash(SMALL);
    const log = open({ flash, bootId });
    fill(log, 1, 0, 2);
    const { program } = TornFlash.prototype;
    let isStuck = true;
    flash.program = (offset, bytes) => {
      const changed = bytes.slice();
      if (isStuck) changed[changed.length - 1]! |= 0x80;
      if (isStuck) changed[changed.length - 3]! &= 0x7e;
      isStuck = false;
      program.call(flash, offset, changed);
    };
    fill(log, 1, 3, 4);
    assert.deepEqual(
      sequences(readAll(open({ flash: flash.reopened(), bootId: 2 }), 1)),
      [0, 1, 3, 4, 5, 6],
    );
  },
  "a chip that takes nothing is a typed error; what was stored before is kept": (open) => {
    const flash = new TornFlash(SMALL);
    const log = open({ flash, bootId });
    fill(log, 1, 0, 3);
    flash.onOperation = () => {
      throw new Error("write protected");
    };
    assert.throws(() => log.append(1, 3, payload(3)), { code: "storage" });
    flash.onOperation = undefined;
    assert.deepEqual(sequences(readAll(log, 1)), range(0, 3));
    assert.deepEqual(
      sequences(readAll(open({ flash: flash.reopened(), bootId: 2 }), 1)),
      range(0, 3),
    );
  },
  "acknowledgements reach the flash even when every sector is full": (open) => {
    const flash = new TornFlash(SMALL);
    const log = open({ flash, bootId, acksMax: 4 });
    for (let i = 0; i < 80; i++) log.append(1, i, payload(i, 44));
    const held = log.pending(1);
    for (let i = 0; i < held - 1; i++) {
      const entry = log.next(1)!;
      log.acknowledge(1, entry.ordinal);
      const kept = open({ flash: flash.reopened(), bootId: 2 }).pending(1);
      assert.ok(kept - log.pending(1) <= 4, `${kept - log.pending(1)} duplicates`);
    }
  },
  "all sectors wear alike": (open) => {
    const flash = new TornFlash(SMALL);
    const log = open({ flash, bootId });
    log.append(0, 0, payload(1));
    for (let i = 0; i < 1200; i++) {
      log.append(2, i, payload(i));
      if (i % 3 === 0) continue;
      const entry = log.next();
      if (entry) log.acknowledge(entry.logClass, entry.ordinal);
    }
    const spread = Math.max(...flash.erases) - Math.min(...flash.erases);
    assert.ok(Math.min(...flash.erases) > 10 && spread <= 2, `erases: ${[...flash.erases].join()}`);
  },
  "order and stamps hold over many boots": (open) => {
    let flash = new TornFlash(SMALL);
    const expected: string[] = [];
    for (let boot = 1; boot < 9; boot++) {
      const log = open({ flash, bootId: boot });
      for (let i = 0; i < 2; i++) {
        log.append(0, i, payloadOf(0, boot, i));
        expected.push(`${boot}/${i}`);
      }
      flash = flash.reopened();
    }
    const entries = readAll(open({ flash, bootId: 9 }));
    assert.deepEqual(
      entries.map((entry) => `${entry.bootId}/${entry.sequence}`),
      expected,
    );
  },
  "rewind gives again exactly what is not acknowledged": (open) => {
    const log = open({ flash: new TornFlash(SMALL), bootId });
    fill(log, 1, 0, 12);
    const entries = readAll(log);
    assert.equal(log.next(), undefined);
    log.acknowledge(1, entries[4]!.ordinal);
    log.rewind();
    assert.deepEqual(sequences(readAll(log)), range(5, 12));
  },
  "mounting reads a bounded part of the flash and writes nothing": (open) => {
    const shape = { ...SMALL, sectorCount: 64 };
    const flash = new TornFlash(shape);
    fill(open({ flash, bootId }), 1, 0, 400);
    const mounted = flash.reopened();
    let bytes = 0;
    const { read } = TornFlash.prototype;
    mounted.read = (offset, target) => {
      bytes += target.length;
      read.call(mounted, offset, target);
    };
    open({ flash: mounted, bootId: 2 });
    assert.equal(mounted.operations, 0);
    const bound = (shape.sectorCount + 8) * shape.pageBytes + 3 * 4 * shape.sectorBytes;
    assert.ok(bytes <= bound, `${bytes} of ${bound} bytes`);
  },
  "impossible regions, units and records are typed errors": (open) => {
    const small = { ...SMALL, sectorCount: 5 };
    assert.throws(() => open({ flash: new TornFlash(small), bootId }), { code: "argument" });
    const flash = new TornFlash(SMALL);
    assert.throws(() => open({ flash, bootId, unitBytes: 3 }), { code: "argument" });
    assert.throws(() => open({ flash, bootId: 0 }), { code: "argument" });
    const log = open({ flash, bootId });
    assert.throws(() => log.append(1, 0, payload(1, log.payloadBytesMax + 1)), { code: "limit" });
    assert.throws(() => log.append(1, 0, payload(1, 0)), { code: "limit" });
    assert.ok(log.append(1, 0, payload(1, log.payloadBytesMax)));
    assert.equal(readAll(log)[0]!.payload!.length, log.payloadBytesMax);
  },
};
