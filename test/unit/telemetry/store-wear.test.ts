// What a day costs the flash: nothing while the line is good, a bounded number of operations for critical readings.
import { expect, test } from "vitest";
import type { OutboundMessage } from "../../../firmware/connection/types.ts";
import { FlashLog } from "../../../firmware/telemetry/log/flash-log.ts";
import type { LogClass } from "../../../firmware/telemetry/log/types.ts";
import { TelemetryStore } from "../../../firmware/telemetry/store.ts";
import { REAL } from "../../support/log-scripts.ts";
import { TornFlash } from "../../support/torn-flash.ts";

const MINUTE_MS = 60_000;
const DAY_MINUTES = 1440;
/** Round trip of a message: far below the age at which a batch goes to flash. */
const ROUND_TRIP_MS = 300;

interface Day {
  readonly flash: TornFlash;
  readonly delivered: number;
}

/** Normal batches every five minutes, bulk every hour, `critical` ones spread over the day; offline from `downAt`. */
function live(critical: number, downAt = Infinity): Day {
  const flash = new TornFlash({ ...REAL, sectorCount: 64 });
  let delivered = 0;
  let nowMs = 0;
  const onTheWay: OutboundMessage[] = [];
  const store = new TelemetryStore({
    ...{ log: new FlashLog({ flash, bootId: 1 }), bootId: 1, epochMs: () => undefined },
    send: (message) => onTheWay.push(message) > 0,
  });
  const offer = (logClass: LogClass, bytes: number) => {
    const payload = new Uint8Array(bytes).fill(7);
    store.offer({ logClass, payload, bag: "", isTimed: true, firstMs: nowMs }, nowMs);
  };
  const settle = () => {
    nowMs += ROUND_TRIP_MS;
    while (onTheWay.length > 0) {
      onTheWay.shift()!.onSettled?.("acknowledged");
      delivered++;
      store.tick(nowMs);
    }
  };
  store.setOnline(true, 0);
  for (let minute = 0; minute < DAY_MINUTES; minute++) {
    nowMs = minute * MINUTE_MS;
    if (minute === downAt) store.setOnline(false, nowMs);
    store.tick(nowMs);
    if (minute % 5 === 0) offer(1, 900);
    if (minute % 60 === 0) offer(2, 3800);
    if (critical > 0 && minute % (DAY_MINUTES / critical) === 7) offer(0, 64);
    settle();
  }
  return { flash, delivered };
}

test("a day online without critical readings does not touch the flash", () => {
  const { flash, delivered } = live(0);
  expect(delivered).toBe(DAY_MINUTES / 5 + 24);
  expect(flash.operations).toBe(0);
  expect(flash.reads).toBeLessThanOrEqual(64);
});

test("a critical reading costs its own record and a watermark; a day of twenty erases one sector", () => {
  const { flash, delivered } = live(20);
  expect(delivered).toBe(DAY_MINUTES / 5 + 24 + 20);
  const erases = flash.erases.reduce((sum, count) => sum + count, 0);
  expect(erases).toBe(1);
  // Two programs each, one for the header of the sector, one for every page that begins inside a record.
  const pages = Math.ceil(flash.programmedBytes / flash.pageBytes);
  expect(flash.operations - erases).toBeLessThanOrEqual(2 * 20 + 1 + pages);
  expect(flash.programmedBytes).toBeLessThan(20 * 128);
});

test("an hour offline costs what it stores", () => {
  const { flash } = live(0, DAY_MINUTES - 60);
  const stored = 12 * 900 + 3800;
  expect(flash.programmedBytes).toBeGreaterThan(stored);
  expect(flash.programmedBytes).toBeLessThan(1.1 * stored);
});
