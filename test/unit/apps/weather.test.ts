// The weather station in Node: recorded weather in batches of three priorities, decoded with its model.
import { beforeEach, expect, test } from "vitest";
import { startWeather, type WeatherStation } from "../../../firmware/apps/weather/app.ts";
import { weatherModel } from "../../../firmware/apps/weather/model.ts";
import { recorded, recordedTenths } from "../../../firmware/apps/weather/recording.ts";
import { decodeBag } from "../../../firmware/connection/bag.ts";
import { NodePlatform } from "../../../host-tools/sim/node-platform.ts";
import { World } from "../../../host-tools/sim/world.ts";
import { consume } from "../../support/batching-rig.ts";
import { deviceConnection, ScriptedHub } from "../../support/scripted-hub.ts";

let world: World;
let hub: ScriptedHub;
let station: WeatherStation;
let restarts: number;

beforeEach(() => {
  world = new World({ seed: 1 });
  hub = new ScriptedHub(world);
  restarts = 0;
  const platform = new NodePlatform(world, { name: "dev1", onRestart: () => restarts++ });
  platform.storage.write("hub.conn", new TextEncoder().encode(deviceConnection));
  station = startWeather(platform);
});

test("the recording is replayed hour by hour, gaps included, and repeats", () => {
  expect([0, 1, 2].map((column) => recordedTenths(0, column))).toEqual([3.9, 59.4, 1012]);
  expect(recorded(0, 4)).toBe(270);
  expect(recordedTenths(336, 0)).toBe(3.9);
  const hours = Array.from({ length: 336 }, (_, hour) => hour);
  expect(hours.filter((hour) => recordedTenths(hour, 2) === undefined).length).toBeGreaterThan(0);
  for (const hour of hours) expect(Math.abs(recordedTenths(hour, 0) ?? 0)).toBeLessThan(20);
});

test("a minute of readings arrives in a few messages, and says what was recorded", async () => {
  world.clock.runFor(68_000);
  const classes = hub.telemetry.map(({ bag }) => decodeBag(bag).get("class"));
  expect(["1", "2"].map((name) => classes.filter((one) => one === name).length)).toEqual([6, 1]);
  const { rows, damaged, report } = await consume(hub.telemetry, weatherModel);
  expect(damaged).toEqual([]);
  expect(report.every(({ missing, duplicates }) => missing + duplicates === 0)).toBe(true);
  const normal = rows.filter(({ values }) => "temperature" in values);
  expect(normal.length).toBeGreaterThan(50);
  for (const { values, uptimeMs } of normal) {
    const hour = uptimeMs! / 1000 - 1;
    expect(values.temperature).toBe(recordedTenths(hour, 0));
    expect(values.humidity).toBe(recordedTenths(hour, 1));
    const pressure = recordedTenths(hour, 2);
    if (pressure === undefined) expect(values.pressure).toBeUndefined();
    else expect(Math.abs((values.pressure as number) - pressure)).toBeLessThanOrEqual(0.05);
  }
  // Visibility is sent when it has changed by more than half a kilometre.
  const seen = rows.flatMap(({ values }) => values.visibility ?? []);
  expect(seen.length).toBeLessThan(10);
});

test("the twin sets interval and limits; a reboot keeps what waits", async () => {
  world.clock.runFor(5000);
  hub.patchDesired({ sampleIntervalS: 10, batchLimits: { normalAgeMs: 60_000 } });
  world.clock.runFor(1000);
  expect(hub.reported).toMatchObject({
    sampleIntervalS: { value: 10, ac: 200 },
    batchLimits: { value: { normalAgeMs: 60_000 }, ac: 200 },
  });
  world.clock.runFor(30_000);
  hub.callMethod("reboot", "");
  world.clock.runFor(2000);
  expect(restarts).toBe(1);
  station.device.start();
  world.clock.runFor(20_000);
  const { rows } = await consume(hub.telemetry, weatherModel);
  const times = rows.filter(({ values }) => "temperature" in values).map((row) => row.uptimeMs);
  expect(times.slice(0, 8)).toEqual([1000, 2000, 3000, 4000, 5000, ...times.slice(5, 8)]);
  expect(times).toHaveLength(8);
});
