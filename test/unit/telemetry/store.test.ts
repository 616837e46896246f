import { expect, test } from "vitest";
import { decodeBag } from "../../../firmware/connection/bag.ts";
import type { OutboundMessage, Settled } from "../../../firmware/connection/types.ts";
import type { Batch } from "../../../firmware/telemetry/batcher.ts";
import { FlashLog } from "../../../firmware/telemetry/log/flash-log.ts";
import type { LogClass } from "../../../firmware/telemetry/log/types.ts";
import { type StoreLimits, TelemetryStore } from "../../../firmware/telemetry/store.ts";
import { SMALL } from "../../support/log-scripts.ts";
import { TornFlash } from "../../support/torn-flash.ts";

interface Life {
  store: TelemetryStore;
  log: FlashLog;
  flash: TornFlash;
  sent: OutboundMessage[];
  faults: unknown[];
  settle(outcome?: Settled, count?: number): void;
}

let epochMs: number | undefined;

function boot(
  bootId: number,
  flash = new TornFlash(SMALL),
  limits: Partial<StoreLimits> = {},
): Life {
  const log = new FlashLog({ flash, bootId });
  const sent: OutboundMessage[] = [];
  const faults: unknown[] = [];
  let settled = 0;
  const store = new TelemetryStore({
    ...{ log, bootId, limits, epochMs: () => epochMs },
    send: (message) => sent.push(message) > 0,
    onFault: (error) => faults.push(error),
  });
  const settle = (outcome: Settled = "acknowledged", count = 1e9) => {
    for (let i = 0; i < count && settled < sent.length; i++) {
      sent[settled++]!.onSettled?.(outcome);
      expect(store.nextDeadlineMs()).toBe(0);
      store.tick(0);
    }
  };
  return { store, log, flash, sent, faults, settle };
}

function batch(logClass: LogClass, value: number, isTimed = false): Batch {
  const payload = new Uint8Array(20).fill(value);
  return { logClass, payload, bag: "$.ct=a%2Fb", isTimed, firstMs: value };
}

function bagOf(message: OutboundMessage): Record<string, string | null> {
  return Object.fromEntries(decodeBag(message.bag ?? ""));
}

function stamps(messages: readonly OutboundMessage[]): string[] {
  return messages.map((message) => {
    const { boot, class: logClass, seq } = bagOf(message);
    return `${boot}/${logClass}/${seq}`;
  });
}

test("online, nothing but critical readings touches the flash", () => {
  const { store, flash, sent, settle } = boot(1);
  store.setOnline(true, 0);
  for (let i = 0; i < 50; i++) {
    store.offer(batch(1, i), i);
    store.offer(batch(2, i), i);
    settle();
  }
  expect(sent).toHaveLength(100);
  expect(flash.operations).toBe(0);
  store.offer(batch(0, 1), 60);
  expect(flash.operations).toBeGreaterThan(0);
  expect(sent[100]!.priority).toBe("high");
});

test("an outage and a power cut lose nothing: every batch arrives, in order per class, with its stamp", () => {
  epochMs = 1_700_000_000_000;
  const first = boot(1);
  first.store.setOnline(true, 0);
  first.store.offer(batch(1, 0), 0);
  first.settle();
  first.store.setOnline(false, 10);
  for (let i = 1; i < 9; i++) first.store.offer(batch((i % 3) as LogClass, i), 10 + i);
  const second = boot(2, first.flash.reopened());
  second.store.offer(batch(1, 50), 1);
  second.store.setOnline(true, 5);
  for (let i = 0; i < 9; i++) second.settle();
  const of = (logClass: number) =>
    stamps(second.sent).filter((stamp) => stamp.split("/")[1] === `${logClass}`);
  expect(of(0)).toEqual(["1/0/0", "1/0/1"]);
  expect(of(1)).toEqual(["1/1/1", "1/1/2", "1/1/3", "2/1/0"]);
  expect(of(2)).toEqual(["1/2/0", "1/2/1", "1/2/2"]);
  expect(second.sent[0]!.payload).toEqual(batch(0, 3).payload);
  expect(second.store.waiting).toBe(0);
  second.store.persist();
  const third = boot(3, second.flash.reopened());
  third.store.setOnline(true, 0);
  expect(third.sent).toHaveLength(0);
});

test("what the outbox drops is sent again, and nothing behind it is acknowledged before", () => {
  const { store, log, sent, settle } = boot(1, undefined, { inFlightMax: 3 });
  for (let i = 0; i < 6; i++) store.offer(batch(1, i), i);
  store.setOnline(true, 10);
  expect(stamps(sent)).toEqual(["1/1/0", "1/1/1", "1/1/2"]);
  settle("acknowledged", 1);
  settle("dropped", 1);
  expect(log.pending(1)).toBe(5);
  for (let i = 0; i < 20; i++) settle();
  expect(log.pending(1)).toBe(0);
  const arrived = new Set(stamps(sent.filter((_, i) => i !== 1)));
  expect([...arrived].sort()).toEqual([0, 1, 2, 3, 4, 5].map((i) => `1/1/${i}`));
});

test("without flash the lowest class makes room first, and the loss rides along with a message", () => {
  const sent: OutboundMessage[] = [];
  const store = new TelemetryStore({
    ...{ bootId: 7, limits: { ramCountMax: 4 }, epochMs: () => undefined },
    send: (message) => sent.push(message) > 0,
  });
  for (let i = 0; i < 3; i++) store.offer(batch(2, i), i);
  for (let i = 0; i < 3; i++) store.offer(batch(0, i), i);
  store.setOnline(true, 9);
  expect(stamps(sent)).toEqual(["7/0/0", "7/0/1", "7/0/2", "7/2/2"]);
  expect(sent.map((message) => bagOf(message).lost)).toEqual([
    "2.2.7.0.7.1",
    undefined,
    undefined,
    undefined,
  ]);
  for (const message of [...sent]) message.onSettled?.("acknowledged");
  store.tick(9);
  store.offer(batch(1, 1), 10);
  expect(bagOf(sent[4]!).lost).toBeUndefined();
});

test("a loss in flash is told once it is acknowledged, also after a restart", () => {
  const first = boot(1);
  for (let i = 0; i < 120; i++) first.store.offer(batch(1, i & 63), i);
  const lost = first.log.lost(1)!;
  expect(lost.count).toBeGreaterThan(10);
  const second = boot(2, first.flash.reopened());
  second.store.setOnline(true, 0);
  expect(bagOf(second.sent[0]!).lost).toBe(`1.${lost.count}.1.0.1.${lost.count - 1}`);
  expect(second.sent.filter((message) => bagOf(message).lost)).toHaveLength(1);
  second.settle("acknowledged", 1);
  second.store.persist();
  expect(new FlashLog({ flash: second.flash.reopened(), bootId: 3 }).lost(1)).toBeUndefined();
});

test("wall time is attached when it becomes known, also to what was stored before, and follows the clock", () => {
  epochMs = undefined;
  const { store, sent, settle, flash } = boot(1, undefined, { inFlightMax: 1 });
  store.offer(batch(1, 5), 5);
  store.offer(batch(1, 6, true), 6);
  store.offer(batch(1, 7), 7);
  store.setOnline(true, 8);
  expect(bagOf(sent[0]!)).toMatchObject({ tick: "5" });
  epochMs = Date.UTC(2026, 10, 20);
  settle("acknowledged", 1);
  expect(bagOf(sent[1]!)).toMatchObject({ epoch: `${epochMs}` });
  epochMs += 3_600_000;
  settle("acknowledged", 1);
  expect(bagOf(sent[2]!)).toMatchObject({ "$.ctime": "2026-11-20T01:00:00.007Z" });
  store.setOnline(false, 9);
  store.offer(batch(1, 8), 9);
  epochMs = undefined;
  const next = boot(2, flash.reopened(), { inFlightMax: 9 });
  next.store.setOnline(true, 0);
  expect(bagOf(next.sent.at(-1)!)).toMatchObject({
    boot: "1",
    "$.ctime": "2026-11-20T01:00:00.008Z",
  });
});

test("a batch that waits too long in RAM goes to flash", () => {
  const { store, log, sent } = boot(1, undefined, { inFlightMax: 1, oldMs: 1000 });
  store.setOnline(true, 0);
  store.offer(batch(1, 0), 0);
  store.offer(batch(1, 1), 100);
  expect(store.nextDeadlineMs()).toBe(1100);
  store.tick(1100);
  expect(log.pending(1)).toBe(1);
  expect(sent).toHaveLength(1);
});

test("an acknowledgement is in flash after a minute at the latest", () => {
  const { store, flash, settle } = boot(1);
  const left = () => new FlashLog({ flash: flash.reopened(), bootId: 2 }).pending(0);
  store.setOnline(true, 0);
  store.offer(batch(0, 1), 0);
  settle();
  expect(left()).toBe(1);
  expect(store.nextDeadlineMs()).toBe(60_000);
  store.tick(60_000);
  expect(left()).toBe(0);
});

test("a stored batch of an unknown version is reported, told as missing and does not block the others", () => {
  const flash = new TornFlash(SMALL);
  new FlashLog({ flash, bootId: 1 }).append(1, 0, new Uint8Array([0xf0, 1, 2]));
  const { store, sent, faults, settle, log } = boot(2, flash.reopened());
  store.setOnline(true, 0);
  store.offer(batch(1, 1), 1);
  settle();
  expect(faults).toHaveLength(1);
  expect(bagOf(sent[0]!)).toMatchObject({ missing: "1" });
  expect(sent).toHaveLength(2);
  expect(log.pending(1)).toBe(0);
});

test("failing flash is reported; batches stay in RAM and are sent", () => {
  const { store, flash, sent, faults } = boot(1);
  flash.onOperation = () => {
    throw new Error("write protected");
  };
  store.offer(batch(0, 1), 0);
  store.offer(batch(1, 2), 0);
  expect(faults.length).toBeGreaterThan(0);
  store.setOnline(true, 1);
  expect(stamps(sent)).toEqual(["1/0/0", "1/1/0"]);
});
