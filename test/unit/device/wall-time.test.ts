// Wall time of readings: taken in 1970, without a link, across restarts and clocks that are set or corrected.
import { batched } from "godwit/telemetry/batched";
import { deltaEncoding } from "godwit/telemetry/delta-batches";
import { jsonRows } from "godwit/telemetry/json-rows";
import { describe, expect, test } from "vitest";
import { decodeBag } from "../../../firmware/connection/bag.ts";
import type { TelemetryEncoding } from "../../../firmware/telemetry/encoder.ts";
import { BatchingRig, consume } from "../../support/batching-rig.ts";

const START_MS = Date.UTC(2026, 0, 1);
const limits = { normalAgeMs: 10_000 };

/** Sends one reading per second, whose value is the second of the world in which it was taken. */
async function record(rig: BatchingRig, seconds: number): Promise<void> {
  for (let i = 0; i < seconds; i++) {
    rig.device.send({ temperature: rig.world.clock.nowMs / 1000 });
    await rig.run(1000);
  }
}

/** Every reading says when it was taken: is it dated so? */
async function checkDates(rig: BatchingRig, count: number): Promise<void> {
  const { rows, damaged, report } = await consume(rig.hub.telemetry);
  expect(damaged).toEqual([]);
  expect(rows).toHaveLength(count);
  for (const { tMs, values } of rows)
    expect(tMs).toBe(START_MS + 1000 * (values.temperature as number));
  for (const { missing, declared } of report) expect([missing, declared]).toEqual([0, 0]);
}

describe.each([
  ["delta", deltaEncoding()],
  ["JSON", jsonRows()],
] as [string, TelemetryEncoding][])("%s", (_name, encoding) => {
  const telemetry = batched(encoding, { limits });
  const setClock = (rig: BatchingRig, errorMs = 0) =>
    rig.board.clock.setWallMs(rig.world.wallMs() + errorMs);

  test("a board in 1970 without a link is told the time later", async () => {
    const rig = new BatchingRig({ telemetry, clockKnown: false }).start();
    rig.world.network.cut("dev1");
    await record(rig, 30);
    setClock(rig);
    await record(rig, 5);
    rig.world.network.restore("dev1");
    await rig.run(300_000);
    await checkDates(rig, 35);
  });

  test("it is told the time without a link, and loses its power before it has one", async () => {
    const rig = new BatchingRig({ telemetry, clockKnown: false }).start();
    rig.world.network.cut("dev1");
    await record(rig, 30);
    setClock(rig);
    await rig.run(11_000);
    rig.board.powerOff();
    await rig.run(3_600_000);
    rig.world.network.restore("dev1");
    const next = new BatchingRig({ before: rig, telemetry }).start();
    await next.run(60_000);
    await checkDates(next, 30);
    const bags = next.hub.telemetry.map(({ bag }) => decodeBag(bag));
    expect(bags[0]!.get("tick")).toBeDefined();
    expect(bags[0]!.get("epoch")).toBeUndefined();
    const anchors = next.hub.telemetry.filter(({ payload }) => payload.length === 0);
    expect(anchors.map(({ bag }) => decodeBag(bag).get("epoch"))).toEqual([`${START_MS}`]);
  });

  test("without any time the readings keep their order and distance, and say so", async () => {
    const rig = new BatchingRig({ telemetry, clockKnown: false }).start();
    rig.world.network.cut("dev1");
    await record(rig, 12);
    rig.board.powerOff();
    rig.world.network.restore("dev1");
    const next = new BatchingRig({ before: rig, telemetry }).start();
    await next.run(60_000);
    const { rows } = await consume(next.hub.telemetry);
    expect(rows.slice(0, 10).map(({ tMs, boot, uptimeMs }) => [tMs, boot, uptimeMs])).toEqual(
      Array.from({ length: 10 }, (_, i) => [undefined, 1, 1000 * i]),
    );
  });

  test("a clock that was wrong is corrected after the batches were stored: they follow, after a restart too", async () => {
    const rig = new BatchingRig({ telemetry }).start();
    rig.world.network.cut("dev1");
    setClock(rig, 86_400_000);
    await record(rig, 25);
    setClock(rig);
    await record(rig, 2);
    rig.board.powerOff();
    rig.world.network.restore("dev1");
    const next = new BatchingRig({ before: rig, telemetry }).start();
    await next.run(60_000);
    await checkDates(next, 20);
  });

  test("a jump in the middle of a batch tears nothing apart", async () => {
    const rig = new BatchingRig({ telemetry }).start();
    await record(rig, 4);
    setClock(rig, 3_600_000);
    await record(rig, 3);
    setClock(rig);
    await record(rig, 3);
    await rig.run(60_000);
    await checkDates(rig, 10);
  });
});
