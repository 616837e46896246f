// A device against a scripted hub in virtual time: telemetry, commands, cloud-to-device messages, periodic work.
import { decode } from "cbor-x";
import { CborEncoder } from "godwit/telemetry/cbor-encoder";
import { expect, test } from "vitest";
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
