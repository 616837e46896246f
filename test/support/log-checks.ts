// Promises of the flash log about order, room and losses; each check throws when its promise is broken.
import assert from "node:assert/strict";
import type { LogClass } from "../../firmware/telemetry/log/types.ts";
import { type Check, fill, payload, range, readAll, sequences } from "./log-check-tools.ts";
import { payloadOf } from "./log-oracle.ts";
import { SMALL } from "./log-scripts.ts";
import { TornFlash } from "./torn-flash.ts";

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
