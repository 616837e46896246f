// A device against a scripted hub in virtual time: telemetry, commands, cloud-to-device messages, periodic work.
import { decode } from "cbor-x";
import type { CloudMessage } from "godwit/device/cloud-message";
import { CborEncoder } from "godwit/telemetry/cbor-encoder";
import { describe, expect, test } from "vitest";
import type { Telemetry } from "../../support/scripted-hub.ts";
import { Rig } from "../../support/thermo.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

test("telemetry arrives with content type and the time it was measured", async () => {
  const rig = new Rig().start();
  await rig.run(2000);
  rig.device.send({ temperature: 21.4999999, door: false });
  await rig.run(1000);
  expect(rig.hub.telemetry.map(({ payload }) => text(payload))).toEqual([
    '{"temperature":21.5,"door":false}',
  ]);
  const bag = decodeURIComponent(rig.hub.telemetry[0]!.bag);
  expect(bag).toBe("$.ct=application/json&$.ce=utf-8&$.ctime=2026-01-01T00:00:02.000Z");
  expect(rig.device.connection.counters.acknowledged).toBe(1);
});

test("CBOR by option", async () => {
  const rig = new Rig({ device: { encoder: new CborEncoder() } }).start();
  await rig.run(2000);
  rig.device.send({ temperature: -3.14, door: true });
  await rig.run(1000);
  const [{ bag, payload }] = rig.hub.telemetry as [Telemetry];
  expect(decode(payload)).toEqual({ temperature: -3.1, door: true });
  expect(bag).toContain("$.ct=application%2Fcbor");
});

test("values the model does not allow are left out, counted and named once", async () => {
  const rig = new Rig().start();
  await rig.run(2000);
  expect(rig.device.send({ temperature: Number.NaN, door: true })).toBe(true);
  expect(rig.device.send({ temperature: 1000 })).toBe(false);
  expect(rig.device.send({})).toBe(false);
  await rig.run(1000);
  expect(rig.hub.telemetry.map(({ payload }) => text(payload))).toEqual(['{"door":true}']);
  expect(rig.device.counters.invalidValues).toBe(2);
  expect(rig.log.filter((line) => line.includes("send:"))).toEqual([
    "warn: send: temperature is not a finite number",
  ]);
});

test("without a trusted clock telemetry carries no time", async () => {
  const rig = new Rig();
  rig.board.wallOffsetMs = -Date.UTC(2026, 0, 1);
  rig.device.send({ door: true });
  rig.board.wallOffsetMs = 0;
  rig.start();
  await rig.run(5000);
  expect(rig.hub.telemetry[0]?.bag).toBe("$.ct=application%2Fjson&$.ce=utf-8");
});

test("offline the device keeps measuring; everything queued arrives, acknowledged one by one", async () => {
  const rig = new Rig().start();
  await rig.run(2000);
  rig.world.network.cut("dev1");
  const settled: string[] = [];
  for (let i = 0; i < 10; i++) {
    expect(rig.device.send({ temperature: i }, (outcome) => settled.push(outcome))).toBe(true);
    await rig.run(60_000);
  }
  expect(settled).toEqual([]);
  rig.world.network.restore("dev1");
  await rig.run(600_000);
  const seen = rig.hub.telemetry.map(({ payload }) => JSON.parse(text(payload)).temperature);
  expect([...new Set(seen)]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(settled).toEqual(new Array(10).fill("acknowledged"));
});

test("a full outbox refuses by policy and says so", () => {
  const outbox = { countMax: 3, overflow: "refuse" } as const;
  const rig = new Rig({ device: { connection: { outbox } } });
  const taken = [1, 2, 3, 4, 5].map((temperature) => rig.device.send({ temperature }));
  expect(taken).toEqual([true, true, true, false, false]);
  expect(rig.device.counters.refusedMessages).toBe(2);
});

test("an encoder that gathers samples is flushed when it says so", async () => {
  class Pairs {
    bag = "$.ct=pairs";
    isTimed = true;
    #dueMs = Infinity;
    #rows: string[] = [];
    add(sample: object, nowMs: number) {
      this.#rows.push(JSON.stringify(sample));
      if (this.#rows.length === 1) this.#dueMs = nowMs + 60_000;
      return this.#rows.length === 2 ? this.flush() : undefined;
    }
    flush() {
      const rows = this.#rows.join();
      this.#rows = [];
      this.#dueMs = Infinity;
      return rows === "" ? undefined : new TextEncoder().encode(rows);
    }
    nextDeadlineMs() {
      return this.#dueMs;
    }
  }
  const rig = new Rig({ device: { encoder: new Pairs() } }).start();
  await rig.run(2000);
  for (const temperature of [1, 2, 3]) rig.device.send({ temperature });
  await rig.run(1000);
  expect(rig.hub.telemetry.map(({ payload }) => text(payload))).toEqual([
    '{"temperature":1},{"temperature":2}',
  ]);
  await rig.run(60_000);
  expect(rig.hub.telemetry.map(({ bag, payload }) => bag + text(payload)).at(-1)).toBe(
    '$.ct=pairs{"temperature":3}',
  );
});

describe("cloud-to-device messages", () => {
  const bag = "%24.mid=id%201&%24.to=%2Fdevices%2Fdev1&color=red&empty=&bare";

  test("are handed over with their properties and acknowledged", async () => {
    const seen: unknown[] = [];
    const onMessage = (message: CloudMessage) => {
      seen.push([message.id, message.text, message.properties.get("color")]);
      seen.push([message.properties.get("empty"), message.properties.get("bare")]);
    };
    const rig = new Rig({ device: { onMessage } }).start();
    await rig.run(2000);
    rig.hub.sendMessage("wärmer", bag);
    await rig.run(1000);
    expect(seen).toEqual([
      ["id 1", "wärmer", "red"],
      ["", null],
    ]);
    expect(rig.hub.completed).toEqual(["wärmer"]);
  });

  test("are acknowledged when an asynchronous handler has finished, not before", async () => {
    const finish: (() => void)[] = [];
    const onMessage = () => new Promise<void>((resolve) => finish.push(resolve));
    const rig = new Rig({ device: { onMessage } }).start();
    await rig.run(2000);
    rig.hub.sendMessage("one");
    rig.hub.sendMessage("two");
    await rig.run(5000);
    expect(rig.hub.completed).toEqual([]);
    rig.hub.drop();
    await rig.run(60_000);
    expect(finish).toHaveLength(4);
    for (const done of finish) done();
    await rig.run(1000);
    expect(rig.hub.completed).toEqual(["one", "two"]);
  });

  test("a handler that throws does not block the messages behind", async () => {
    const onMessage = (message: CloudMessage) => {
      if (message.text === "poison") throw new Error("cannot digest");
    };
    const rig = new Rig({ device: { onMessage } }).start();
    await rig.run(2000);
    rig.hub.sendMessage("poison");
    rig.hub.sendMessage("fine");
    await rig.run(1000);
    expect(rig.hub.completed).toEqual(["poison", "fine"]);
    expect(rig.log).toContain("error: onMessage failed: cannot digest");
  });

  test("a broken bag or a missing handler does not block them either", async () => {
    const rig = new Rig({ device: { onMessage: () => {} } }).start();
    await rig.run(2000);
    rig.hub.sendMessage("x", "%zz=1");
    rig.hub.sendMessage("y", "a=1&a=2");
    await rig.run(1000);
    expect(rig.hub.completed).toEqual(["x", "y"]);
    expect(rig.device.counters.cloudMessages).toBe(0);
    const deaf = new Rig().start();
    await deaf.run(2000);
    deaf.hub.sendMessage("z");
    await deaf.run(1000);
    expect(deaf.hub.completed).toEqual(["z"]);
  });
});

describe("periodic work", () => {
  test("keeps its beat, also offline", async () => {
    const rig = new Rig({ isProvisioned: false });
    const times: number[] = [];
    rig.device.every(1000, () => times.push(rig.world.clock.nowMs));
    await rig.run(5000);
    expect(times).toEqual([]);
    rig.start();
    await rig.run(3500);
    expect(times).toEqual([6000, 7000, 8000]);
    rig.device.stop();
    await rig.run(5000);
    expect(times).toHaveLength(3);
  });

  test("a work that throws is named and goes on", async () => {
    const rig = new Rig().start();
    rig.device.every(1000, function measure() {
      throw new Error("sensor gone");
    });
    rig.device.every(1000, () => Promise.reject(new Error("later")));
    await rig.run(3500);
    expect(rig.log.filter((line) => line === "error: measure failed: sensor gone")).toHaveLength(3);
    expect(rig.log).toContain("error: periodic work failed: later");
    expect(rig.device.counters.handlerErrors).toBe(6);
  });

  test("an asynchronous work does not overlap with itself", async () => {
    const rig = new Rig().start();
    const finish: (() => void)[] = [];
    rig.device.every(1000, () => new Promise<void>((resolve) => finish.push(resolve)));
    await rig.run(5500);
    expect(finish).toHaveLength(1);
    finish[0]!();
    await rig.run(1000);
    expect(finish).toHaveLength(2);
  });

  test("runs missed in a stall are left out", async () => {
    const rig = new Rig().start();
    const times: number[] = [];
    rig.device.every(1000, () => {
      times.push(rig.world.clock.nowMs);
      // A long native call: the clock moves on while the event loop stands still.
      if (times.length === 2) rig.world.clock.nowMs += 3400;
    });
    await rig.run(10_000);
    expect(times.slice(0, 5)).toEqual([1000, 2000, 5400, 6400, 7400]);
  });

  test("can be changed, stopped, started again, and run once", async () => {
    const rig = new Rig().start();
    const seen: string[] = [];
    const beat = rig.device.every(1000, () => seen.push("beat"));
    rig.device.after(2500, () => seen.push("once"));
    await rig.run(3500);
    expect(seen).toEqual(["beat", "beat", "once", "beat"]);
    beat.intervalMs = 10_000;
    await rig.run(9000);
    expect(seen).toHaveLength(4);
    await rig.run(1000);
    beat.stop();
    await rig.run(60_000);
    expect(seen).toHaveLength(5);
    beat.intervalMs = 100;
    await rig.run(100);
    expect(seen).toHaveLength(6);
    expect(() => rig.device.every(0, () => {})).toThrow("above 0 ms");
    expect(() => (beat.intervalMs = Number.NaN)).toThrow("above 0 ms");
  });

  test("is bounded", () => {
    const { device } = new Rig();
    for (let i = 0; i < 32; i++) device.every(1000, () => {});
    expect(() => device.every(1000, () => {})).toThrow("more than 32 periodic works");
  });
});

test("states and faults are told; a handler that throws does no harm", async () => {
  const states: string[] = [];
  const rig = new Rig({
    device: {
      onState: (state) => {
        states.push(state);
        throw new Error("no display");
      },
    },
  }).start();
  await rig.run(2000);
  expect(states.at(-1)).toBe("connected");
  expect(rig.device.connection.state).toBe("connected");
  expect(rig.log).toContain("error: onState failed: no display");
});

test("a stopped device can be started again", async () => {
  const rig = new Rig().start();
  await rig.run(2000);
  rig.device.stop();
  await rig.run(5000);
  expect(rig.hub.isConnected).toBe(false);
  rig.hub.patchDesired({ target: 11 });
  rig.device.start();
  await rig.run(2000);
  expect(rig.device.get("target")).toBe(11);
  expect(rig.applied.filter(([, value]) => value === 21)).toHaveLength(1);
});

test("a burst beyond the inbox is refused, and what it may have carried is fetched", async () => {
  const rig = new Rig().start();
  await rig.run(2000);
  rig.world.network.options.jitterMs = 0;
  for (let i = 0; i < 40; i++) rig.hub.callMethod("echo", '"x"');
  rig.hub.patchDesired({ target: 17 });
  await rig.run(10_000);
  expect(rig.log).toContain("warn: a message was refused: the inbox is full");
  expect(rig.hub.answers).toHaveLength(16);
  expect(rig.hub.gets).toBe(2);
  expect(rig.device.get("target")).toBe(17);
});
