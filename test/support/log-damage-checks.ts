// Promises of the flash log about damage: records, sectors and chips that do not give back what they took.
import assert from "node:assert/strict";
import { crc32 } from "../../firmware/codec/crc32.ts";
import { BYTES, type Check, fill, payload, range, readAll, sequences } from "./log-check-tools.ts";
import { SMALL } from "./log-scripts.ts";
import { TornFlash } from "./torn-flash.ts";

const bootId = 1;

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

export const damageChecks: Readonly<Record<string, Check>> = {
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
};
