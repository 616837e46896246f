// The thermostat in Node: closed loop on recorded weather, commands, messages, outages.

import { beforeEach, describe, expect, test } from "vitest";
import { startThermostat, type Thermostat } from "../../../firmware/apps/thermostat/app.ts";
import { outdoorTemperature, Room } from "../../../firmware/apps/thermostat/room.ts";
import { NodePlatform } from "../../../host-tools/sim/node-platform.ts";
import { World } from "../../../host-tools/sim/world.ts";
import { deviceConnection, ScriptedHub } from "../../support/scripted-hub.ts";

let world: World;
let hub: ScriptedHub;
let thermostat: Thermostat;
let log: string[];
let restarts: number;

beforeEach(() => {
  world = new World({ seed: 1 });
  hub = new ScriptedHub(world);
  log = [];
  restarts = 0;
  const platform = new NodePlatform(world, {
    name: "dev1",
    onLog: (level, text) => log.push(`${level}: ${text}`),
    onRestart: () => restarts++,
  });
  platform.storage.write("hub.conn", new TextEncoder().encode(deviceConnection));
  thermostat = startThermostat(platform);
});

const minutes = (count: number) => world.clock.runFor(count * 60_000);
const bodies = () =>
  hub.telemetry.map(({ payload }) => JSON.parse(Buffer.from(payload).toString()));

describe("the recorded weather", () => {
  test("is replayed as recorded, interpolated and repeated", () => {
    expect(outdoorTemperature(0)).toBe(3.9);
    expect(outdoorTemperature(3 * 3600)).toBe(4.4);
    expect(outdoorTemperature(2.5 * 3600)).toBeCloseTo(4.15);
    expect(outdoorTemperature(14 * 24 * 3600)).toBe(3.9);
    for (let hour = 0; hour < 14 * 24; hour++) {
      expect(Math.abs(outdoorTemperature(hour * 3600))).toBeLessThan(20);
    }
  });

  test("an unheated room follows it", () => {
    const room = new Room();
    for (let hour = 0; hour < 24 * 60; hour++) room.step(0, 60);
    expect(Math.abs(room.temperature - room.outdoor)).toBeLessThan(4);
  });
});

test("the room is kept at the target, whatever the weather does", () => {
  minutes(180);
  for (const target of [22, 17, 26]) {
    hub.patchDesired({ targetTemperature: target });
    minutes(240);
    const worst = Math.max(
      ...Array.from({ length: 60 }, () => {
        minutes(1);
        return Math.abs(thermostat.room.temperature - target);
      }),
    );
    expect(worst).toBeLessThan(0.5);
    expect(hub.reported.targetTemperature).toMatchObject({ value: target, ac: 200 });
  }
});

test("telemetry is what the model promises, at the interval the cloud sets", () => {
  minutes(1);
  // One with the first measurement, then every 5 s: the answer to the last has not come at 60 s sharp.
  const first = 1 + 11;
  expect(bodies()).toHaveLength(first);
  expect(Object.keys(bodies()[0]!)).toEqual(["temperature", "outdoorTemperature", "heaterDuty"]);
  hub.patchDesired({ telemetryIntervalS: 60 });
  minutes(10);
  expect(bodies()).toHaveLength(first + 10);
  expect(thermostat.device.counters).toMatchObject({ invalidValues: 0, handlerErrors: 0 });
});

test("through an outage it goes on controlling, and its telemetry arrives afterwards", () => {
  minutes(10);
  const before = bodies().length;
  hub.patchDesired({ telemetryIntervalS: 60 });
  minutes(1);
  world.network.cut("dev1");
  minutes(20);
  expect(Math.abs(thermostat.room.temperature - 20)).toBeLessThan(6);
  world.network.restore("dev1");
  minutes(20);
  expect(bodies().length - before).toBeGreaterThanOrEqual(40);
  expect(thermostat.device.connection.counters.dropped).toBe(0);
});

test("commands and messages", () => {
  minutes(5);
  const rid = hub.callMethod("getMaxMinReport", "");
  hub.sendMessage("check the filter", "%24.mid=7");
  minutes(1);
  const { status, body } = hub.answerTo(rid)!;
  expect(status).toBe(200);
  const report = JSON.parse(body);
  expect(report.minTemp).toBeLessThanOrEqual(report.avgTemp);
  expect(report.avgTemp).toBeLessThanOrEqual(report.maxTemp);
  expect(report.seconds).toBeGreaterThanOrEqual(300);
  expect(log).toContain("info: message 7: check the filter");
  expect(hub.reported.maxTempSinceLastReboot).toBeCloseTo(report.maxTemp, 0);
  const reboot = hub.callMethod("reboot", "5");
  world.clock.runFor(4000);
  expect(hub.answerTo(reboot)?.status).toBe(200);
  expect(restarts).toBe(0);
  world.clock.runFor(2000);
  expect(restarts).toBe(1);
});
