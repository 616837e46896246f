import { expect, test } from "vitest";
import { decodeBatch } from "../../../firmware/codec/delta/decoder.ts";
import { readHeader } from "../../../firmware/codec/delta/header.ts";
import { defineModel } from "../../../firmware/model/define.ts";
import { AdaptiveInterval } from "../../../firmware/telemetry/adaptive-interval.ts";
import {
  type Batch,
  Batcher,
  type BatcherOptions,
  type Channel,
  channelsOf,
} from "../../../firmware/telemetry/batcher.ts";
import { CborEncoder } from "../../../firmware/telemetry/cbor-encoder.ts";
import { cborRows } from "../../../firmware/telemetry/cbor-rows.ts";
import { DeltaBatches } from "../../../firmware/telemetry/delta-batches.ts";
import { JsonEncoder } from "../../../firmware/telemetry/json-encoder.ts";
import { jsonRows } from "../../../firmware/telemetry/json-rows.ts";
import { takeSample } from "../../../firmware/telemetry/sample.ts";

const model = defineModel({
  id: "dtmi:com:example:Machine;1",
  telemetry: {
    alarm: { type: "boolean", priority: "critical" },
    temperature: { type: "double", unit: "degreeCelsius", resolution: 0.1 },
    level: { type: "double", deadband: 0.5, priority: "bulk" },
    vibration: { type: "double", epsilon: 0.01, priority: "bulk" },
  },
});

const delta: BatcherOptions["encoding"] = (channels, blockBytes) =>
  new DeltaBatches({ channels, blockBytes, rowsMax: 64 });

function make(options: Partial<BatcherOptions> = {}) {
  const batches: Batch[] = [];
  const channels = channelsOf(model.telemetry);
  const batcher = new Batcher({ channels, encoding: delta, ...options }, (batch) =>
    batches.push(batch),
  );
  return { batcher, batches };
}

test("a critical reading leaves within its latency, a normal one by age, bulk waits for a block", () => {
  const { batcher, batches } = make();
  batcher.add({ alarm: true, temperature: 20.5, vibration: 1 }, 1000);
  expect(batcher.nextDeadlineMs()).toBe(2000);
  batcher.tick(1999);
  expect(batches).toHaveLength(0);
  batcher.tick(2000);
  expect(batches.map(({ logClass }) => logClass)).toEqual([0]);
  expect(batcher.nextDeadlineMs()).toBe(301_000);
  batcher.tick(301_000);
  expect(batches.map(({ logClass }) => logClass)).toEqual([0, 1]);
  expect(batcher.nextDeadlineMs()).toBe(Infinity);
  for (let i = 1; i < 64; i++) batcher.add({ vibration: i / 7 }, 400_000 + i);
  const { payload, firstMs, isTimed } = batches[2]!;
  expect(readHeader(payload).rows).toBe(64);
  expect([firstMs, isTimed]).toEqual([1000, true]);
});

test("without latency a critical reading leaves at once", () => {
  const { batcher, batches } = make({ limits: { criticalLatencyMs: 0 } });
  batcher.add({ alarm: true }, 5);
  expect(batches).toHaveLength(1);
});

test("limits change at run time, for what waits as well; an impossible change changes nothing", () => {
  const { batcher, batches } = make();
  batcher.add({ temperature: 1, vibration: 2 }, 0);
  batcher.setLimits({ normalAgeMs: 5000, bulkAgeMs: 9000 });
  expect(batcher.nextDeadlineMs()).toBe(5000);
  batcher.tick(9000);
  expect(batches.map(({ logClass }) => logClass)).toEqual([1, 2]);
  expect(() => batcher.setLimits({ normalAgeMs: 1e9 })).toThrow(
    /normalAgeMs 1000000000, must be 1000/,
  );
  expect(() => batcher.setLimits({ age: 1 } as object)).toThrow(/no member "age"/);
  expect(() => batcher.setLimits({ blockBytes: 64, normalAgeMs: 7000 })).not.toThrow();
  expect(batcher.limits.normalAgeMs).toBe(7000);
  for (let i = 0; i < 130; i++) batcher.add({ vibration: Math.sin(i * 77) }, 10_000 + i);
  expect(batches.length).toBeGreaterThan(3);
  for (const { payload } of batches) expect(payload.length).toBeLessThanOrEqual(64);
});

test("a block too small for one row is a typed error that says how much is needed", () => {
  const wide = Array.from(
    { length: 8 },
    (_, i): Channel => ({ name: `c${i}`, spec: { type: "double" } }),
  );
  const limits = { blockBytes: 100 };
  expect(() => make({ channels: wide, limits })).toThrow(
    expect.objectContaining({
      code: "limit",
      message: expect.stringMatching(/too small.*at least 112/),
    }),
  );
  const { batcher } = make({ channels: wide });
  expect(() => batcher.setLimits({ blockBytes: 100 })).toThrow(/at least 112/);
  expect(batcher.limits.blockBytes).toBe(3840);
});

test("a row that fits no block is dropped with an error; rows before and after it are kept", () => {
  const channels: Channel[] = [{ name: "text", spec: { type: "string" } }];
  const { batcher, batches } = make({ channels, limits: { blockBytes: 200 } });
  batcher.add({ text: "before" }, 1);
  batcher.add(
    {
      text: Array.from({ length: 400 }, (_, i) => String.fromCharCode(33 + ((i * 7919) % 90))).join(
        "",
      ),
    },
    2,
  );
  batcher.add({ text: "after" }, 3);
  let failures = 0;
  for (let i = 0; i < 4; i++) {
    try {
      batcher.flush();
    } catch (error) {
      expect(error).toMatchObject({ code: "limit" });
      failures++;
    }
  }
  expect(failures).toBe(1);
  const rows = batches.reduce((sum, { payload }) => sum + readHeader(payload).rows, 0);
  expect(rows).toBe(2);
});

test("bad declarations are typed errors that name the channel and the way out", () => {
  const one = (spec: object): Channel => ({
    name: "t",
    spec: { type: "double", ...spec } as never,
  });
  const cases: [Channel[], RegExp][] = [
    [[one({}), one({})], /channel t: there are two of this name/],
    [[one({ epsilon: 0 })], /channel t: epsilon 0 must be above 0; leave it out/],
    [[one({ epsilon: -1 })], /epsilon -1/],
    [[one({ deadband: Number.NaN })], /deadband NaN/],
    [[one({ min: 5, max: 1 })], /impossible range: min 5 is above max 1/],
    [[one({ priority: "urgent" })], /priority "urgent" is none of/],
  ];
  for (const [channels, message] of cases) {
    expect(() => make({ channels })).toThrow(expect.objectContaining({ code: "argument" }));
    expect(() => make({ channels })).toThrow(message);
  }
  const id = "dtmi:com:example:M;1";
  const define = (spec: object) => () =>
    defineModel({ id, telemetry: { t: { type: "double", ...spec } as never } });
  expect(define({ epsilon: 0 })).toThrow(/telemetry.t.epsilon 0 must be above 0/);
  expect(define({ priority: "urgent" })).toThrow(/telemetry.t.priority/);
  expect(define({ type: "boolean", deadband: 1 })).toThrow(/is for numbers/);
  expect(define({ min: 5, max: 1 })).toThrow(/impossible range/);
  expect(define({ epsilon: 0.1, deadband: 1, priority: "bulk" })).not.toThrow();
});

test("a channel with a deadband is sent when it moves, and once per heartbeat", () => {
  const sent: number[] = [];
  const encoder = () => new JsonEncoder();
  const channels = channelsOf(model.telemetry);
  const batcher = new Batcher(
    { channels, encoding: encoder, limits: { heartbeatMs: 60_000 } },
    (batch) => sent.push(JSON.parse(new TextDecoder().decode(batch.payload)).level),
  );
  for (const [i, level] of [1, 1.4, 0.6, 1.6, 1.2, 1.2].entries()) batcher.add({ level }, i * 1000);
  batcher.add({ level: 1.2 }, 62_999);
  batcher.add({ level: 1.2 }, 63_001);
  expect(sent).toEqual([1, 1.6, 1.2]);
});

test("encoders without batches send each sample at once, whatever its class", () => {
  for (const encoder of [() => new JsonEncoder(), () => new CborEncoder()]) {
    const { batcher, batches } = make({ encoding: encoder });
    batcher.add({ alarm: true, temperature: 3, vibration: 2 }, 7);
    expect(batches.map(({ logClass, firstMs }) => [logClass, firstMs])).toEqual([
      [0, 7],
      [1, 7],
      [2, 7],
    ]);
    expect(batcher.nextDeadlineMs()).toBe(Infinity);
  }
});

test("adaptive sampling is quick to notice movement and slow to calm down", () => {
  const interval = new AdaptiveInterval({ minMs: 100, maxMs: 10_000, step: 1 });
  for (let i = 0; i < 40; i++) interval.next(20);
  expect(interval.intervalMs).toBe(10_000);
  expect(interval.next(20.6)).toBe(5000);
  expect(interval.next(22)).toBe(100);
  expect(interval.next(Number.NaN)).toBe(100);
  expect(interval.next(22)).toBe(125);
  expect(() => new AdaptiveInterval({ minMs: 0, maxMs: 1, step: 1 })).toThrow(/impossible/);
  expect(() => new AdaptiveInterval({ minMs: 1, maxMs: 1, step: 0 })).toThrow(/step 0/);
});

test("channels may be called like members of objects", () => {
  const names = ["constructor", "toString", "level"];
  const own = defineModel({
    id: "dtmi:com:example:Odd;1",
    telemetry: Object.fromEntries(names.map((name) => [name, { type: "double" } as const])),
  });
  const channels = channelsOf(own.telemetry);
  for (const encoding of [delta, jsonRows(), cborRows()]) {
    const { batcher, batches } = make({ channels, encoding });
    const problems: string[] = [];
    for (const values of [{ level: 1 }, { constructor: 2, toString: 3 }, {}]) {
      const sample = takeSample(own.telemetry, values, (name) => problems.push(name));
      if (sample) batcher.add(sample, 7);
    }
    batcher.flush();
    expect(problems).toEqual([]);
    expect(batches).toHaveLength(1);
    if (encoding !== delta) continue;
    expect(decodeBatch(batches[0]!.payload).channels).toEqual([
      [undefined, 2],
      [undefined, 3],
      [1, undefined],
    ]);
  }
});
