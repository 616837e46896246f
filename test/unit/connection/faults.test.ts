/** What goes wrong on the way to the hub: named, explained, and retried at the right pace. */
import { describe, expect, it } from "vitest";
import { HEALTHY_AFTER_MS } from "../../../firmware/connection/backoff.ts";
import { World } from "../../../host-tools/sim/world.ts";
import { CONNECTION_STRING, DEVICE_KEY, HUB, TestDevice } from "../../support/connected-device.ts";
import { ScriptedServer } from "../../support/scripted-server.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

function gapsOf(broker: ScriptedServer): number[] {
  const times = broker.sessions.map(({ atMs }) => atMs);
  return times.slice(1).map((atMs, index) => atMs - times[index]!);
}

describe("identity refusals", () => {
  it.each([2, 4, 5])(
    "CONNACK %i: one quick retry, then the slow ladder; healed when the hub agrees",
    (code) => {
      const world = new World({ seed: code });
      const broker = new ScriptedServer(world, HUB, { connack: () => code });
      const device = new TestDevice(world);
      device.connection.start();
      world.clock.runFor(6 * HOUR);
      const gaps = gapsOf(broker);
      expect(gaps[0]).toBeLessThan(2000);
      for (const gap of gaps.slice(1)) expect(gap).toBeGreaterThan(3.7 * MINUTE);
      expect(broker.sessions.length).toBeLessThan(15);
      expect(device.connection.lastFault?.code).toBe("credentials");
      expect(device.connection.lastFault?.message).toMatch(
        /dev1 was refused .* check that the device/,
      );
      broker.script = {};
      world.clock.runFor(2 * HOUR);
      expect(device.connection.state).toBe("connected");
    },
  );

  it("never writes a key or a token into the log", () => {
    const world = new World({ seed: 6 });
    new ScriptedServer(world, HUB, { connack: () => 5 });
    const device = new TestDevice(world);
    device.connection.start();
    world.clock.runFor(HOUR);
    const log = device.logs.join("\n");
    expect(log).not.toBe("");
    expect(log).not.toContain(DEVICE_KEY);
    expect(log).not.toContain("sig=");
  });

  it("missing or broken credentials are a fault with the field's name, mended without a restart", () => {
    const world = new World({ seed: 7 });
    new ScriptedServer(world, HUB);
    const device = new TestDevice(world, { store: {} });
    device.connection.start();
    world.clock.runFor(MINUTE);
    expect(device.connection.lastFault).toMatchObject({ code: "configuration" });
    expect(device.connection.lastFault?.message).toContain("store hub.conn");
    device.platform.storage.write("hub.conn", Buffer.from(CONNECTION_STRING));
    device.connection.retryNow();
    world.clock.runFor(MINUTE);
    expect(device.connection.state).toBe("connected");
  });
});

describe("backoff", () => {
  it("CONNACK 3 is throttling: never a retry within ten seconds, and spread out", () => {
    const world = new World({ seed: 8 });
    const broker = new ScriptedServer(world, HUB, { connack: () => 3 });
    const device = new TestDevice(world);
    device.connection.start();
    world.clock.runFor(HOUR);
    expect(Math.min(...gapsOf(broker))).toBeGreaterThan(9900);
    expect(broker.sessions.length).toBeLessThan(16);
    expect(device.faults.every((code) => code === "throttled")).toBe(true);
  });

  it("a hub that accepts and then kicks does not reset it: no storm", () => {
    const world = new World({ seed: 9 });
    const broker = new ScriptedServer(world, HUB, {
      connack: (session) => {
        world.clock.after(HEALTHY_AFTER_MS / 2 + 1000, () => session.close());
        return 0;
      },
    });
    const device = new TestDevice(world);
    device.connection.start();
    world.clock.runFor(4 * HOUR);
    const waits = gapsOf(broker).map((gap) => gap - HEALTHY_AFTER_MS / 2);
    expect(Math.max(...waits.slice(-8))).toBeGreaterThan(100_000);
    expect(device.faults.every((code) => code === "closed")).toBe(true);
  });

  it("starts from the bottom after minutes of health", () => {
    const world = new World({ seed: 10 });
    let lifeMs = 1000;
    const broker = new ScriptedServer(world, HUB, {
      connack: (session) => {
        const ms = lifeMs;
        world.clock.after(ms, () => session.close());
        return 0;
      },
    });
    const device = new TestDevice(world);
    device.connection.start();
    world.clock.runFor(2 * HOUR);
    lifeMs = HEALTHY_AFTER_MS + 5000;
    const before = broker.sessions.length;
    world.clock.runFor(4 * HOUR);
    const gaps = gapsOf(broker).slice(before + 1);
    expect(gaps.length).toBeGreaterThan(50);
    expect(Math.max(...gaps)).toBeLessThan(lifeMs + 1500);
    expect(device.connection.lastFault?.code).toBe("closed");
  });

  it("a dead network ends in the cap, and comes back", () => {
    const world = new World({ seed: 11 });
    new ScriptedServer(world, HUB);
    const device = new TestDevice(world);
    world.network.cut("board");
    device.connection.start();
    world.clock.runFor(10 * HOUR);
    expect(device.connection.counters.failures).toBeGreaterThan(100);
    expect(device.connection.counters.failures).toBeLessThan(400);
    expect(["dns", "timeout"]).toContain(device.connection.lastFault?.code);
    world.network.restore("board");
    world.clock.runFor(6 * MINUTE);
    expect(device.connection.state).toBe("connected");
  });

  it("names a hub that does not exist and one that does not listen", () => {
    const world = new World({ seed: 12 });
    const device = new TestDevice(world);
    device.connection.start();
    world.clock.runFor(1000);
    expect(device.connection.lastFault).toMatchObject({ code: "dns" });
    world.network.listen(HUB, 443, {
      certificate: { notBeforeMs: 0, notAfterMs: 1e15 },
      accept: () => {},
    });
    world.clock.runFor(MINUTE);
    expect(device.connection.lastFault).toMatchObject({ code: "hubGone" });
    expect(device.connection.lastFault?.message).toContain("hub.test:8883 refused");
  });
});

it("another client with the same identity is named after three quick kicks, and not chased", () => {
  const world = new World({ seed: 13 });
  const broker = new ScriptedServer(world, HUB, {
    connack: (session) => {
      world.clock.after(2000, () => session.close());
      return 0;
    },
  });
  const device = new TestDevice(world);
  device.connection.start();
  world.clock.runFor(HOUR);
  expect(device.faults.slice(0, 4)).toEqual(["closed", "closed", "takeover", "takeover"]);
  expect(device.connection.lastFault?.message).toContain(
    "another client most likely uses this identity",
  );
  for (const gap of gapsOf(broker).slice(2)) expect(gap).toBeGreaterThan(15_000);
});

it("an outage of the network between kicks is not taken for another client", () => {
  const world = new World({ seed: 14 });
  const broker = new ScriptedServer(world, HUB);
  const device = new TestDevice(world);
  device.connection.start();
  for (let round = 0; round < 6; round++) {
    world.clock.runWhile(() => device.connection.state !== "connected", HOUR);
    world.clock.runFor(1000);
    broker.last.close();
    world.clock.runFor(100);
    world.network.cut("board");
    world.clock.runFor(2 * MINUTE);
    world.network.restore("board");
  }
  expect(device.faults.filter((code) => code === "closed").length).toBe(6);
  expect(device.faults).not.toContain("takeover");
});

it("a certificate that the clock cannot explain is a certificate fault", () => {
  const world = new World({ seed: 15 });
  new ScriptedServer(world, HUB, {
    certificate: { notBeforeMs: 0, notAfterMs: world.epochMs - 1 },
  });
  const device = new TestDevice(world);
  device.connection.start();
  world.clock.runFor(MINUTE);
  expect(device.connection.lastFault).toMatchObject({ code: "certificate" });
  expect(device.connection.lastFault?.message).toMatch(
    /expired by this device's clock: check the trusted/,
  );
});

it.each([
  ["a malformed packet", Uint8Array.of(0xf0, 0x00), "protocol"],
  ["a second CONNACK", Uint8Array.of(0x20, 2, 0, 0), "protocol"],
  ["a PUBACK for nothing", Uint8Array.of(0x40, 2, 0x12, 0x34), "protocol"],
  ["a packet larger than any allowed", Uint8Array.of(0x30, 0xff, 0xff, 0xff, 0x7f), "protocol"],
])("%s from the hub ends the session with a named fault and a retry", (_name, bytes, code) => {
  const world = new World({ seed: 16 });
  const broker = new ScriptedServer(world, HUB);
  const device = new TestDevice(world);
  device.connection.start();
  world.clock.runFor(MINUTE);
  broker.last.raw.write(bytes);
  world.clock.runFor(5000);
  expect(device.faults).toEqual([code]);
  expect(device.connection.state).toBe("connected");
});

it("a refused subscription is a fault, not a half-deaf device", () => {
  const world = new World({ seed: 17 });
  new ScriptedServer(world, HUB, {
    onPacket: (packet, session) => {
      if (packet.cmd !== "subscribe") return false;
      session.send({ cmd: "suback", messageId: packet.messageId!, granted: [1, 128, 1, 1] });
      return true;
    },
  });
  const device = new TestDevice(world);
  device.connection.start();
  world.clock.runFor(5000);
  expect(device.connection.lastFault?.message).toContain("refused a subscription");
});

it("follows the hub's name to a new server at fail-over", () => {
  const world = new World({ seed: 18 });
  const old = new ScriptedServer(world, HUB);
  const device = new TestDevice(world);
  device.connection.start();
  world.clock.runFor(5 * MINUTE);
  const next = new ScriptedServer(world, HUB);
  old.last.close();
  device.connection.send(device.message("after"));
  world.clock.runFor(MINUTE);
  expect(next.sessions.length).toBe(1);
  expect(device.acknowledged).toEqual(["after"]);
});
