/** Devices without a clock: floor, time source, refusals that are the clock's fault, wear of the saved floor. */
import { describe, expect, it } from "vitest";
import { parseSas } from "../../../firmware/connection/sas-parse.ts";
import type { TimeSource } from "../../../firmware/ports/time-source.ts";
import { World } from "../../../host-tools/sim/world.ts";
import { HUB, TestDevice } from "../../support/connected-device.ts";
import { ScriptedServer } from "../../support/scripted-server.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Answers after `delayMs` with the world's time; undefined = never. */
function sourceOf(world: World, delayMs: number | undefined): TimeSource & { requests: number } {
  const source = {
    requests: 0,
    request(done: (unixMs: number | undefined) => void) {
      source.requests++;
      if (delayMs !== undefined) world.clock.after(delayMs, () => done(world.wallMs()));
    },
  };
  return source;
}

describe("a board that wakes in 1970", () => {
  it("asks the time source before TLS and connects with a good token", () => {
    const world = new World({ seed: 1 });
    const broker = new ScriptedServer(world, HUB);
    const device = new TestDevice(world, {
      timeSource: sourceOf(world, 300),
      platform: { clockKnown: false, timeFloorMs: world.epochMs - 300 * DAY },
    });
    expect(device.connection.isTimeKnown).toBe(false);
    device.connection.start();
    world.clock.runFor(MINUTE);
    expect(device.states).toEqual(["offline", "clock", "connecting", "connected"]);
    expect(device.connection.isTimeKnown).toBe(true);
    const { expiryS } = parseSas(broker.last.connect.password!.toString());
    expect(Math.abs(expiryS - world.epochMs / 1000 - 3600)).toBeLessThan(5);
  });

  it("does not wait for a dead source for ever: goes on with the floor and blames the clock", () => {
    const world = new World({ seed: 2 });
    const broker = new ScriptedServer(world, HUB, { connack: () => 5 });
    const source = sourceOf(world, undefined);
    const device = new TestDevice(world, {
      timeSource: source,
      platform: { clockKnown: false, timeFloorMs: world.epochMs - 12 * HOUR },
    });
    device.connection.start();
    world.clock.runFor(20_000);
    expect(broker.sessions[0]!.atMs).toBeGreaterThan(15_000);
    expect(device.connection.lastFault).toMatchObject({ code: "clock" });
    world.clock.runFor(HOUR);
    expect(source.requests).toBeGreaterThan(3);
    expect(device.faults.every((code) => code === "clock")).toBe(true);
  });

  it("calls a certificate that is not valid yet a clock fault, and recovers when somebody sets the time", () => {
    const world = new World({ seed: 3 });
    new ScriptedServer(world, HUB);
    const device = new TestDevice(world, {
      platform: { clockKnown: false, timeFloorMs: world.epochMs - 100 * DAY },
    });
    device.connection.start();
    world.clock.runFor(MINUTE);
    expect(device.connection.lastFault).toMatchObject({ code: "clock" });
    expect(device.connection.lastFault?.message).toContain("let the device reach a time server");
    device.platform.wallOffsetMs = 0;
    world.clock.runFor(10 * MINUTE);
    expect(device.connection.state).toBe("connected");
    expect(device.connection.isTimeKnown).toBe(true);
  });

  it("does not believe a source below the floor", () => {
    const world = new World({ seed: 4 });
    new ScriptedServer(world, HUB);
    const timeSource: TimeSource = { request: (done) => done(world.epochMs - 400 * DAY) };
    const device = new TestDevice(world, {
      timeSource,
      platform: { clockKnown: false, timeFloorMs: world.epochMs - DAY / 2 },
    });
    device.connection.start();
    world.clock.runFor(MINUTE);
    expect(device.connection.isTimeKnown).toBe(false);
    expect(device.platform.clock.wallMs()).toBeGreaterThanOrEqual(world.epochMs - DAY / 2);
  });

  it("survives a source that throws or answers twice", () => {
    const world = new World({ seed: 5 });
    const broker = new ScriptedServer(world, HUB);
    let calls = 0;
    const timeSource: TimeSource = {
      request(done) {
        if (calls++ === 0) throw new Error("no socket");
        done(world.wallMs());
        done(world.wallMs() - 3 * DAY);
      },
    };
    const device = new TestDevice(world, {
      timeSource,
      platform: { clockKnown: false, timeFloorMs: world.epochMs - 200 * DAY },
    });
    device.connection.start();
    world.clock.runFor(2 * MINUTE);
    expect(device.connection.state).toBe("connected");
    expect(broker.sessions.length).toBe(1);
    expect(calls).toBe(2);
  });
});

it("a known clock that is refused is checked once against the source, at once", () => {
  const world = new World({ seed: 6 });
  const isFresh = (password: string) =>
    Math.abs(parseSas(password).expiryS * 1000 - world.wallMs() - HOUR) < 5 * MINUTE;
  const broker = new ScriptedServer(world, HUB, {
    connack: (session) => (isFresh(session.connect.password!.toString()) ? 0 : 5),
  });
  const device = new TestDevice(world, { timeSource: sourceOf(world, 100) });
  device.platform.wallOffsetMs = 2 * HOUR;
  device.connection.start();
  world.clock.runFor(5000);
  expect(device.connection.state).toBe("connected");
  expect(broker.sessions.length).toBe(2);
  expect(device.states).toContain("clock");
});

it("remembers the time over a power cut, and writes it once a day at most", () => {
  const world = new World({ seed: 7 });
  new ScriptedServer(world, HUB);
  const device = new TestDevice(world);
  const before = device.platform.storage.writes;
  device.connection.start();
  world.clock.runFor(10 * DAY);
  expect(device.platform.storage.writes - before).toBeLessThanOrEqual(11);
  expect(device.platform.storage.writes - before).toBeGreaterThanOrEqual(9);
  device.platform.powerOff();
  const next = new TestDevice(world, {
    store: {},
    platform: { persistent: device.platform.persistent, clockKnown: false },
  });
  expect(next.connection.isTimeKnown).toBe(false);
  expect(world.wallMs() - next.platform.clock.wallMs()!).toBeLessThan(DAY + HOUR);
});

it("a clock that ran ahead is taken back by the source, though its time was saved as the floor", () => {
  const world = new World({ seed: 9 });
  new ScriptedServer(world, HUB);
  const device = new TestDevice(world, { timeSource: sourceOf(world, 100) });
  device.platform.wallOffsetMs = 300 * DAY;
  device.connection.start();
  world.clock.runFor(MINUTE);
  device.platform.powerOff();
  const next = new TestDevice(world, {
    store: {},
    timeSource: sourceOf(world, 100),
    platform: { persistent: device.platform.persistent, clockKnown: false },
  });
  next.connection.start();
  world.clock.runFor(MINUTE);
  expect(next.connection.isTimeKnown).toBe(true);
  expect(Math.abs(next.platform.clock.wallMs()! - world.wallMs())).toBeLessThan(1000);
});

it("a clock put back behind the floor is not believed", () => {
  const world = new World({ seed: 8 });
  new ScriptedServer(world, HUB);
  const device = new TestDevice(world);
  device.connection.start();
  world.clock.runFor(MINUTE);
  device.platform.clock.setWallMs(0);
  expect(device.connection.isTimeKnown).toBe(false);
  expect(device.platform.clock.wallMs()).toBeGreaterThan(world.epochMs - 2 * DAY);
});
