// A device that sends delta batches with store and forward, against a scripted hub in virtual time.

import { batched } from "godwit/telemetry/batched";
import { deltaEncoding } from "godwit/telemetry/delta-batches";
import { Forwarder, nextBootId } from "godwit/telemetry/forwarder";
import { expect, test } from "vitest";
import { decodeBatch } from "../../../firmware/codec/delta/decoder.ts";
import { decodeBag } from "../../../firmware/connection/bag.ts";
import type { OutboundMessage } from "../../../firmware/connection/types.ts";
import type { Platform } from "../../../firmware/ports/platform.ts";
import { MemoryKeyValue, NorFlash } from "../../../host-tools/sim/storage.ts";
import { World } from "../../../host-tools/sim/world.ts";
import { countBoots } from "../../support/first-boot.ts";
import { Rig } from "../../support/thermo.ts";

function forwarding() {
  let forwarder: Forwarder | undefined;
  const rig = new Rig({
    device: {
      connection: { outbox: { overflow: "refuse" } },
      telemetry: (host) => {
        countBoots(host.platform.storage);
        forwarder = new Forwarder(host, {
          encoding: deltaEncoding(),
          limits: { normalAgeMs: 60_000 },
        });
        return forwarder;
      },
    },
  });
  return { rig: rig.start(), forwarder: forwarder! };
}

test("batches leave by age, carry stamps and epoch, and wait through an outage in flash", async () => {
  const { rig, forwarder } = forwarding();
  await rig.run(2000);
  for (let i = 0; i < 10; i++) {
    rig.device.send({ temperature: 20 + i / 10 });
    await rig.run(1000);
  }
  expect(rig.hub.telemetry).toHaveLength(0);
  await rig.run(60_000);
  expect(rig.hub.telemetry).toHaveLength(1);
  const bag = decodeBag(rig.hub.telemetry[0]!.bag);
  expect([bag.get("boot"), bag.get("seq"), bag.get("class")]).toEqual(["1", "0", "1"]);
  const { times } = decodeBatch(rig.hub.telemetry[0]!.payload);
  expect(times).toHaveLength(10);
  expect(Number(bag.get("epoch")) + times[0]!).toBe(Date.UTC(2026, 0, 1) + 2000);

  rig.world.network.cut("dev1");
  await rig.run(600_000);
  for (let i = 0; i < 20; i++) {
    rig.device.send({ temperature: i });
    await rig.run(61_000);
  }
  expect(forwarder.store.waiting).toBeGreaterThan(10);
  expect(rig.board.flash.erases.some((count) => count > 0)).toBe(true);
  rig.world.network.restore("dev1");
  await rig.run(900_000);
  const sequences = rig.hub.telemetry.map((message) => Number(decodeBag(message.bag).get("seq")));
  expect([...new Set(sequences)].sort((a, b) => a - b)).toEqual([...sequences.keys()].slice(0, 21));
  expect(forwarder.store.waiting).toBe(0);
});

test("boot ids count in storage, from anywhere once that was erased", () => {
  const random = { fill: (target: Uint8Array) => void target.set([0x92, 0x34, 0x56, 0x78]) };
  const storage = new MemoryKeyValue();
  const next = () => nextBootId({ storage, random }, (error) => expect.unreachable(`${error}`));
  expect([next(), next()]).toEqual([0x12345679, 0x1234567a]);
  storage.write("boot.id", new Uint8Array([1, 2]));
  expect(next()).toBe(0x12345679);
  countBoots(storage);
  expect([next(), next()]).toEqual([1, 2]);
  storage.write("boot.id", new Uint8Array([255, 255, 255, 255]));
  expect(next()).toBe(1);
});

test("a storage that is full neither keeps a device from starting nor gives two boots one number", async () => {
  const boots = new Set<string>();
  for (const seed of [1, 2, 3]) {
    const world = new World({ seed });
    const storage = new MemoryKeyValue();
    countBoots(storage);
    const write = storage.write.bind(storage);
    storage.write = (key, value) => {
      if (key === "boot.id") throw new Error("no free entry");
      write(key, value);
    };
    const rig = new Rig({
      ...{ world, persistent: { storage, flash: new NorFlash(64 * 4096) } },
      device: { telemetry: batched(deltaEncoding(), { limits: { normalAgeMs: 5000 } }) },
    }).start();
    await rig.run(2000);
    rig.device.send({ temperature: 20 });
    await rig.run(10_000);
    boots.add(decodeBag(rig.hub.telemetry[0]!.bag).get("boot")!);
    expect(rig.log.join()).toContain("no free entry");
  }
  expect(boots.size).toBe(3);
});

test("a reading is not told as acknowledged by the anchor that took its number", () => {
  let epochMs: number | undefined;
  let nowMs = 0;
  const sent: OutboundMessage[] = [];
  const forwarder = new Forwarder(
    {
      platform: {
        ...{ flash: new NorFlash(16 * 4096), storage: new MemoryKeyValue() },
        random: { fill: () => {} },
        clock: { ticksMs: () => nowMs },
      } as unknown as Platform,
      specs: { level: { type: "double" } },
      messageBytesMax: 65_536,
      send: (message) => sent.push(message) > 0,
      epochMs: () => epochMs,
      failed: (where, error) => expect.unreachable(`${where}: ${error}`),
    },
    { encoding: deltaEncoding(), limits: { normalAgeMs: 60_000 } },
  );
  const told: string[] = [];
  const measure = (level: number) =>
    forwarder.add({ level }, nowMs, (outcome) => told.push(`${level} ${outcome}`));
  measure(1);
  nowMs = 60_000;
  forwarder.tick(nowMs);
  measure(2);
  // The clock is set while the second batch waits; the next thing that happens is its deadline.
  epochMs = Date.UTC(2026, 0, 1);
  nowMs = 120_000;
  forwarder.tick(nowMs);
  forwarder.setOnline(true, nowMs);
  const kinds = () =>
    sent.map(({ payload, bag }) => `${decodeBag(bag!).get("seq")} ${payload.length > 0}`);
  expect(kinds()).toEqual(["0 true", "1 false", "2 true"]);
  for (const [i, outcomes] of [
    ["1 acknowledged"],
    ["1 acknowledged"],
    ["1 acknowledged", "2 acknowledged"],
  ].entries()) {
    sent[i]!.onSettled?.("acknowledged");
    forwarder.tick(nowMs);
    expect(told).toEqual(outcomes);
  }
});
