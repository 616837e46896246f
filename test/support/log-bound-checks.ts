// Promises of the flash log about its bounds: reads at mount, events that name a place, stamps, wear on real sectors.
import assert from "node:assert/strict";
import type { LogClass } from "../../firmware/telemetry/log/types.ts";
import { type Check, fill, payload, range, readAll, sequences } from "./log-check-tools.ts";
import { checks } from "./log-checks.ts";
import { damageChecks } from "./log-damage-checks.ts";
import { REAL, SMALL, TIGHT } from "./log-scripts.ts";
import { mixer, TornFlash } from "./torn-flash.ts";

const bootId = 1;

function ring(sectorCount: number): TornFlash {
  return new TornFlash({ ...REAL, sectorCount });
}

const boundChecks: Readonly<Record<string, Check>> = {
  "mounting reads one page per sector, the last sector of each class, and nothing else": (open) => {
    const costs = [8, 32, 128].map((sectorCount) => {
      const flash = ring(sectorCount);
      const log = open({ flash, bootId });
      for (const i of [0, 1, 2] as const) fill(log, i, 0, 30);
      const mounted = flash.reopened();
      open({ flash: mounted, bootId: 2 });
      assert.equal(mounted.operations, 0);
      return { sectorCount, reads: mounted.reads, bytes: mounted.readBytes };
    });
    for (const { sectorCount, reads, bytes } of costs.slice(1)) {
      const more = sectorCount - costs[0]!.sectorCount;
      assert.equal(reads, costs[0]!.reads + more, `reads with ${sectorCount} sectors`);
      assert.equal(bytes, costs[0]!.bytes + more * REAL.pageBytes);
    }
  },
  "mounting a full ring reads a bounded part of it": (open) => {
    for (const sectorCount of [8, 64]) {
      const flash = ring(sectorCount);
      const log = open({ flash, bootId });
      for (let i = 0; i < 20 * sectorCount; i++)
        log.append((i % 3) as LogClass, i, payload(i, 400));
      const mounted = flash.reopened();
      open({ flash: mounted, bootId: 2 });
      // The end is sought once, every record is read once, in three sectors.
      const bound = sectorCount * REAL.pageBytes + 3 * 2.2 * REAL.sectorBytes;
      assert.ok(mounted.readBytes <= bound, `${mounted.readBytes} of ${bound} bytes`);
    }
  },
  "mounting does not read garbage again and again": (open) => {
    const flash = ring(8);
    fill(open({ flash, bootId }), 1, 0, 3);
    const next = mixer(7);
    for (let at = 512; at < REAL.sectorBytes; at++) flash.bytes[at] = next() & 255;
    const mounted = flash.reopened();
    const log = open({ flash: mounted, bootId: 2 });
    // Twelve bytes in every fourth place, and what one place of 256 promises.
    const bound = 8 * REAL.pageBytes + 8 * REAL.sectorBytes;
    assert.ok(mounted.readBytes <= bound, `${mounted.readBytes} of ${bound} bytes`);
    assert.deepEqual(sequences(readAll(log, 1)), range(0, 3));
  },
  "a corrupt sector is an event that names it; blank ones are none; all others are kept": (
    open,
  ) => {
    const flash = ring(8);
    const before = open({ flash, bootId });
    for (let i = 0; i < 40; i++) before.append(1, i, payload(i, 400));
    const kept = sequences(readAll(before, 1));
    flash.bytes[2 * REAL.sectorBytes + 9]! ^= 4;
    const events: [string, number | undefined][] = [];
    const log = open({
      ...{ flash: flash.reopened(), bootId: 2 },
      onFault: (error, sector) => events.push([error.code, sector]),
    });
    assert.deepEqual(events, [["storage", 2]]);
    assert.equal(log.counters.unreadableSectors, 1);
    const entries = readAll(log, 1);
    const missing = entries.reduce((sum, entry) => sum + entry.missing, 0);
    assert.ok(missing > 5 && missing < 12, `${missing} missing`);
    assert.equal(entries.length + missing, kept.length);
    assert.ok(sequences(entries).every((sequence) => kept.includes(sequence)));
  },
  "a record that was taken for torn and reads well later hides nothing": (open) => {
    const flash = new TornFlash(SMALL);
    const log = open({ flash, bootId });
    fill(log, 1, 0, 2);
    flash.cutAt = flash.operations;
    flash.form = "everything";
    assert.throws(() => log.append(1, 99, payload(99)));
    const at = flash.bytes.lastIndexOf(99);
    flash.bytes[at]! ^= 1;
    const weak = flash.reopened();
    fill(open({ flash: weak, bootId: 2 }), 1, 2, 3);
    weak.bytes[at]! ^= 1;
    weak.bytes[weak.bytes.indexOf(1, 80) + 9] = 0;
    const entries = readAll(open({ flash: weak.reopened(), bootId: 3 }), 1);
    assert.deepEqual(sequences(entries), [0, 2, 3, 4]);
    assert.equal(entries[1]!.missing, 1);
  },
  "a header that breaks while the log is in use falsifies no stamp": (open) => {
    const flash = new TornFlash(SMALL);
    const log = open({ flash, bootId: 7 });
    fill(log, 1, 0, 20);
    flash.bytes[SMALL.sectorBytes + 15]! ^= 1;
    const entries = readAll(log, 1);
    assert.ok(entries.every((entry) => entry.bootId === 7));
    const missing = entries.reduce((sum, entry) => sum + entry.missing, 0);
    assert.ok(missing > 3 && missing + entries.length === 20, `${missing} missing`);
  },
  "a corrupt watermark that brings all sectors back does not stop the log": (open) => {
    // Of pasts by chance these leave no free sector when the last watermark goes.
    for (const seed of [82, 212, 431]) {
      const next = mixer(seed);
      const flash = new TornFlash(TIGHT);
      const log = open({ flash, bootId, acksMax: 500 });
      for (let i = 0; i < 120; i++) {
        log.append((1 + (next() & 1)) as LogClass, i, payload(i, 20 + (next() % 60)));
        const entry = i > 50 && next() % 3 === 0 ? log.next() : undefined;
        if (entry) log.acknowledge(entry.logClass, entry.ordinal);
        if (next() % 40 === 0) log.save();
      }
      const before = flash.bytes.slice();
      log.save();
      const marks = flash.bytes.findIndex((byte, i) => byte !== before[i]);
      flash.bytes[marks + 3]! ^= 1;
      const again = open({ flash: flash.reopened(), bootId: 2 });
      assert.ok(again.append(0, 1, payload(1)), `critical record refused, seed ${seed}`);
      assert.deepEqual(sequences(readAll(again, 0)), [1]);
    }
  },
  "weak bits, which read otherwise every time, give no false record": (open) => {
    for (let place = 0; place < 3 * SMALL.sectorBytes; place += 7) {
      const flash = new TornFlash(SMALL);
      const before = open({ flash, bootId: 9 });
      for (let i = 0; i < 16; i++) before.append(1, i, payload(i, 50));
      const { read } = TornFlash.prototype;
      let reads = 0;
      flash.read = (offset, target) => {
        read.call(flash, offset, target);
        const at = place - offset;
        if (at >= 0 && at < target.length && reads++ % 2 === place % 2) target[at]! ^= 64;
      };
      const log = open({ flash, bootId: 10 });
      fill(log, 1, 16, 4);
      for (const { bootId: boot, sequence, payload: bytes } of readAll(log, 1)) {
        if (!bytes) continue;
        const expected = payload(sequence, sequence < 16 ? 50 : undefined);
        assert.equal(boot, sequence < 16 ? 9 : 10, `place ${place}`);
        assert.deepEqual(bytes, expected, `place ${place}`);
      }
      flash.read = read;
      for (const { bootId: boot, sequence } of readAll(open({ flash, bootId: 11 }), 1)) {
        assert.equal(boot, sequence < 16 ? 9 : 10, `place ${place}, written`);
      }
    }
  },
  "a copy of a sector takes no room": (open) => {
    const flash = new TornFlash(SMALL);
    fill(open({ flash, bootId }), 1, 0, 30);
    flash.bytes.copyWithin(8 * SMALL.sectorBytes, 0, SMALL.sectorBytes);
    const events: (number | undefined)[] = [];
    const onFault = (_: unknown, sector?: number) => events.push(sector);
    const log = open({ flash: flash.reopened(), bootId: 2, onFault });
    assert.deepEqual(sequences(readAll(log, 1)), range(0, 30));
    assert.deepEqual(events, [8]);
  },
  "a reader behind a corrupt record finds what was written meanwhile": (open) => {
    const flash = new TornFlash(SMALL);
    const log = open({ flash, bootId });
    fill(log, 1, 10, 3);
    assert.equal(log.next(1)!.sequence, 10);
    flash.bytes[flash.bytes.lastIndexOf(12)] = 0;
    fill(log, 1, 13, 2);
    const entries = readAll(log, 1);
    assert.deepEqual(sequences(entries), [11, 13, 14]);
    assert.deepEqual(
      entries.map((entry) => entry.missing),
      [0, 1, 0],
    );
  },
  "wear stays even through outages, mixed classes and boots, and a drained ring evens out": (
    open,
  ) => {
    const flash = ring(16);
    const next = mixer(1);
    let log = open({ flash, bootId });
    const drain = (most: number) => {
      for (let i = 0; i < most; i++) {
        const entry = log.next();
        if (entry) log.acknowledge(entry.logClass, entry.ordinal);
      }
    };
    const spread = () => Math.max(...flash.erases) - Math.min(...flash.erases);
    for (let i = 0, outage = 0; i < 6000; i++) {
      if (i % 400 === 399) log = open({ flash, bootId: 2 + i });
      const logClass = i % 50 === 0 ? 0 : 1 + (next() & 1);
      log.append(logClass as LogClass, i, payload(i, 100 + (next() % 7) * 100));
      if (outage-- > 0) continue;
      if (next() % 500 === 0) outage = next() % 600;
      drain(2);
    }
    assert.ok(Math.min(...flash.erases) > 30 && spread() <= 3, `erases: ${[...flash.erases]}`);
    drain(1000);
    for (let i = 0; i < 5 * 16 * 5; i++) {
      log.append(2, i, payload(i, 700));
      drain(1);
    }
    assert.ok(spread() <= 1, `erases: ${[...flash.erases]}`);
  },
  "stamps hold for boots far apart and sequences up to 32 bits": (open) => {
    let flash = new TornFlash(SMALL);
    const expected: string[] = [];
    for (const boot of [1, 2, 256, 257, 70_000, 0xffffffff, 3]) {
      const log = open({ flash, bootId: boot });
      for (const sequence of [0, 0xffffff, 0x1000000, 0xffffffff]) {
        log.append(0, sequence, payload(sequence));
        expected.push(`${boot}/${sequence}`);
      }
      for (let entry = log.next(); entry; entry = log.next()) {
        assert.equal(`${entry.bootId}/${entry.sequence}`, expected.shift());
        log.acknowledge(0, entry.ordinal);
      }
      log.append(0, 5, payload(5));
      expected.push(`${boot}/5`);
      log.save();
      flash = flash.reopened();
    }
  },
};

export const allChecks: Readonly<Record<string, Check>> = {
  ...checks,
  ...damageChecks,
  ...boundChecks,
};
