// A device with batched telemetry: limits through the twin, the fate of readings, restarts, encodings.

import { batched } from "godwit/telemetry/batched";
import { cborRows } from "godwit/telemetry/cbor-rows";
import { deltaEncoding } from "godwit/telemetry/delta-batches";
import { jsonRows } from "godwit/telemetry/json-rows";
import { expect, test } from "vitest";
import { decodeBag } from "../../../firmware/connection/bag.ts";
import { schemaHash, schemaText } from "../../../firmware/telemetry/schema-hash.ts";
import { BatchingRig, consume } from "../../support/batching-rig.ts";

const START_MS = Date.UTC(2026, 0, 1);

test("the twin changes the limits at run time; what cannot be is refused with 400 and the reason", async () => {
  const rig = new BatchingRig().start();
  await rig.run(2000);
  expect(rig.hub.reported.batchLimits).toEqual({ value: {}, ac: 203, av: 0, ad: "default" });
  rig.hub.patchDesired({ batchLimits: { normalAgeMs: 5000 } });
  await rig.run(2000);
  expect(rig.hub.reported.batchLimits).toEqual({ value: { normalAgeMs: 5000 }, ac: 200, av: 2 });
  rig.device.send({ temperature: 20 });
  await rig.run(4000);
  expect(rig.hub.telemetry).toHaveLength(0);
  await rig.run(1500);
  expect(rig.hub.telemetry).toHaveLength(1);

  const refusals: [object, RegExp][] = [
    [{ normalAgeMs: 1 }, /normalAgeMs 1 is below the minimum 1000/],
    [{ blockBytes: 64.5 }, /blockBytes 64.5 is not an integer/],
    [{ size: 9 }, /unknown field "size"/],
    [{ blockBytes: 4000 }, /blockBytes 4000 is more than flash log or outbox take: at most 3906/],
  ];
  for (const [change, reason] of refusals) {
    rig.hub.patchDesired({ batchLimits: change as never });
    await rig.run(2000);
    const { ac, ad, value } = rig.hub.reported.batchLimits as Record<string, unknown>;
    expect([ac, value]).toEqual([400, { normalAgeMs: 5000 }]);
    expect(ad).toMatch(reason);
    rig.hub.patchDesired({ batchLimits: { blockBytes: null, size: null, normalAgeMs: 5000 } });
    await rig.run(2000);
  }
  rig.device.send({ temperature: 21 });
  await rig.run(5500);
  expect(rig.hub.telemetry).toHaveLength(2);

  rig.hub.patchDesired({ batchLimits: null });
  await rig.run(2000);
  rig.device.send({ temperature: 22 });
  await rig.run(200_000);
  expect(rig.hub.telemetry).toHaveLength(2);
});

test("a limit that the channels cannot live with is refused as well", async () => {
  const rig = new BatchingRig().start();
  await rig.run(2000);
  rig.hub.patchDesired({ batchLimits: { blockBytes: 64, normalAgeMs: 5000 } });
  await rig.run(2000);
  expect(rig.hub.reported.batchLimits).toEqual({
    ...{ value: {}, ac: 400, av: 2 },
    ad: "blockBytes 64 is too small for one row of 4 channels: at least 72",
  });
  rig.hub.patchDesired({ batchLimits: { blockBytes: 72 } });
  await rig.run(2000);
  expect(rig.hub.reported.batchLimits).toMatchObject({ ac: 200, value: { blockBytes: 72 } });
  expect(
    () => new BatchingRig({ telemetry: batched(jsonRows(), { limits: { blockBytes: 5000 } }) }),
  ).toThrow(expect.objectContaining({ code: "limit", message: expect.stringMatching(/3906/) }));
});

test("every message says what it is: type, encoding, schema, boot, sequence, class, time", async () => {
  const rig = new BatchingRig().start();
  await rig.run(2000);
  rig.device.send({ alarm: true, temperature: 20, load: 3, vibration: 0.1 });
  await rig.run(400_000);
  rig.device.stop();
  rig.device.start();
  await rig.run(10_000);
  const common = { boot: "1", seq: "0", epoch: `${START_MS}`, "$.ce": "identity" };
  const type = { "$.ct": "application/vnd.godwit.delta" };
  const hash = (...names: string[]) => schemaText(schemaHash(names));
  expect(rig.hub.telemetry.map(({ bag }) => Object.fromEntries(decodeBag(bag)))).toEqual([
    { ...common, ...type, class: "0", schema: hash("alarm") },
    { ...common, ...type, class: "1", schema: hash("temperature", "load") },
    { ...common, ...type, class: "2", schema: hash("vibration", "torque", "flow", "noise") },
  ]);
});

test.each([
  ["delta", deltaEncoding({ rowsMax: 16 }), "application/vnd.godwit.delta"],
  ["JSON", jsonRows(), "application/json"],
  ["CBOR", cborRows(), "application/cbor"],
] as const)(
  "%s: many rows per message, decoded with names and times",
  async (_name, encoding, type) => {
    const limits = { blockBytes: 600, normalAgeMs: 30_000 };
    const rig = new BatchingRig({ telemetry: batched(encoding, { limits }) }).start();
    await rig.run(2000);
    for (let i = 0; i < 60; i++) {
      rig.device.send({ temperature: 20 + i / 10, load: 10 * i });
      await rig.run(1000);
    }
    await rig.run(60_000);
    const { telemetry } = rig.hub;
    expect(telemetry.length).toBeLessThan(16);
    for (const { bag, payload } of telemetry) {
      expect(decodeBag(bag).get("$.ct")).toBe(type);
      expect(payload.length).toBeLessThanOrEqual(600);
    }
    const { rows, damaged, report } = await consume(telemetry);
    expect(damaged).toEqual([]);
    expect(report).toMatchObject([{ boot: 1, class: 1, duplicates: 0, missing: 0 }]);
    expect(rows.map(({ tMs, values }) => [tMs, values])).toEqual(
      Array.from({ length: 60 }, (_, i) => [
        START_MS + 2000 + 1000 * i,
        { temperature: Math.round((20 + i / 10) * 10) / 10, load: 10 * i },
      ]),
    );
  },
);

test("a reading's fate is told: once the hub has all of its rows, or when one of them was given up", async () => {
  const rig = new BatchingRig().start();
  const told: string[] = [];
  const send = (name: string, values: Parameters<typeof rig.device.send>[0]) =>
    rig.device.send(values, (outcome) => told.push(`${name} ${outcome}`));
  await rig.run(2000);
  send("both", { alarm: true, temperature: 1 });
  await rig.run(10_000);
  expect(told).toEqual([]);
  await rig.run(300_000);
  expect(told).toEqual(["both acknowledged"]);
  send("moved", { load: 50 });
  send("rested", { load: 52 });
  expect(told.splice(0)).toEqual(["both acknowledged", "rested dropped"]);
  rig.world.network.cut("dev1");
  await rig.run(600_000);
  send("offline", { temperature: 2 });
  await rig.run(600_000);
  expect(told).toEqual([]);
  rig.world.network.restore("dev1");
  await rig.run(900_000);
  expect(told).toEqual(["moved acknowledged", "offline acknowledged"]);
});

test("readings that made room in a full flash are told as dropped, and as lost to the consumer", async () => {
  const rig = new BatchingRig({
    telemetry: batched(jsonRows(), { limits: { blockBytes: 3000 } }),
    flashSectors: 6,
  }).start();
  const told: string[] = [];
  for (let i = 0; i < 1200; i++) {
    const isFollowed = i % 100 === 0;
    const onSettled = (outcome: string) => told.push(`${i} ${outcome}`);
    rig.device.send({ vibration: i + 0.123456789 }, ...(isFollowed ? [onSettled] : []));
  }
  const dropped = told.length;
  expect(dropped).toBeGreaterThan(3);
  expect(told).toEqual(told.map((_, i) => `${i * 100} dropped`));
  rig.device.stop();
  rig.device.start();
  await rig.run(60_000);
  expect(told.slice(dropped)).toEqual(
    Array.from({ length: 12 - dropped }, (_, i) => `${(dropped + i) * 100} acknowledged`),
  );
  const { rows, report } = await consume(rig.hub.telemetry);
  const seen = rows.map(({ values }) => Math.floor(values.vibration as number));
  const first = seen[0]!;
  expect(first).toBeGreaterThan((dropped - 1) * 100);
  expect(seen).toEqual(Array.from({ length: 1200 - first }, (_, i) => first + i));
  const [{ declared, missing, duplicates }] = report as [(typeof report)[0]];
  expect([missing, duplicates]).toEqual([0, 0]);
  const perMessage = rows.length / rig.hub.telemetry.length;
  expect(declared).toBeGreaterThanOrEqual(Math.floor(first / perMessage / 1.5));
});

test("too many followed readings are refused, not forgotten", () => {
  const rig = new BatchingRig();
  let refused = 0;
  for (let i = 0; i < 200; i++) if (!rig.device.send({ vibration: i }, () => {})) refused++;
  expect(refused).toBe(74);
  expect(rig.device.counters.handlerErrors).toBe(74);
});

test("a callback that throws is contained, and the readings behind it go on", async () => {
  const rig = new BatchingRig({
    telemetry: batched(jsonRows(), { limits: { criticalLatencyMs: 0 } }),
  }).start();
  await rig.run(2000);
  rig.device.send({ alarm: true }, () => {
    throw new Error("broken display");
  });
  await rig.run(5000);
  const told: string[] = [];
  rig.device.send({ alarm: false }, (outcome) => told.push(outcome));
  await rig.run(5000);
  expect(told).toEqual(["acknowledged"]);
  expect(rig.log.join()).toMatch(/telemetry failed: broken display/);
});

test("restart and stop keep what waits in RAM: it arrives after the next boot", async () => {
  for (const end of ["restart", "stop"] as const) {
    const rig = new BatchingRig().start();
    await rig.run(2000);
    rig.device.send({ temperature: 17, vibration: 0.5 });
    rig.device[end]();
    expect(rig.restarts).toBe(end === "restart" ? 1 : 0);
    if (end === "stop") rig.board.powerOff();
    const next = new BatchingRig({ before: rig }).start();
    await next.run(10_000);
    const { rows } = await consume(next.hub.telemetry);
    expect(rows.map(({ boot, values }) => [boot, Object.keys(values)[0]])).toEqual([
      [1, "temperature"],
      [1, "vibration"],
    ]);
  }
});

test("a board whose storage was erased uses no stamp again: all its readings count as new", async () => {
  const lives: BatchingRig[] = [];
  for (let life = 0; life < 2; life++) {
    const beside = lives[0];
    const rig = new BatchingRig({ forgetsBoots: true, ...(beside && { beside }) }).start();
    lives.push(rig);
    await rig.run(2000);
    rig.device.send({ temperature: 20 + life });
    await rig.run(310_000);
    rig.board.powerOff();
  }
  const { rows, report } = await consume(lives[0]!.hub.telemetry);
  expect(rows.map(({ values }) => values.temperature)).toEqual([20, 21]);
  expect(report.map(({ messages, duplicates }) => [messages, duplicates])).toEqual([
    [1, 0],
    [1, 0],
  ]);
});
