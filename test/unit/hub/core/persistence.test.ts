// A hub that restarts on its store knows what it knew; the event ring keeps its bounds.
import { expect, test } from "vitest";
import { MemoryStore } from "../../../../host-tools/hub/core/memory-store.ts";
import { connect, type HubWorld, hubWorld } from "../../../support/hub-world.ts";

/** A store whose memory outlives the hub that closes it. */
class LastingStore extends MemoryStore {
  override close(): void {
    this.commit();
  }
}

const state = ({ hub }: HubWorld): unknown => ({
  devices: [...hub.registry.devices()],
  modules: [...hub.registry.modules("d")],
  twin: hub.twins.view({ deviceId: "d" }),
  pending: hub.cloudToDevice
    .pending({ deviceId: "d" })
    .map(({ messageId, body, properties }) => [
      messageId,
      Buffer.from(body).toString(),
      properties,
    ]),
  policies: hub.policies.list(),
  idScope: hub.enrollments.idScope,
  groups: [...hub.enrollments.groups()],
  registrations: hub.enrollments.registration("r"),
  events: hub.events.read(0, 100),
});

test("identities, twins, queues, sessions, enrollments, keys and events survive a restart", () => {
  const store = new LastingStore();
  const before = hubWorld({ store });
  const device = connect(before, "d");
  before.hub.registry.create({ deviceId: "d", moduleId: "m" });
  device.subscribe("devices/d/messages/devicebound/#", "$iothub/methods/POST/#");
  device.publish("devices/d/messages/events/a=1", "x", { qos: 1 });
  before.hub.twins.patch({ deviceId: "d" }, { tags: { a: 1 }, desired: { b: { c: null, d: 2 } } });
  before.hub.cloudToDevice.send(
    { deviceId: "d" },
    { body: Buffer.from("hi"), messageId: "m1", properties: { p: null } },
  );
  before.hub.enrollments.putGroup("g", { attestation: { type: "symmetricKey" } });
  device.cut();
  before.hub.close();

  const after = hubWorld({ store }, 2);
  expect(state(after)).toEqual(state(before));
  const again = connect(after, "d");
  expect(again.connack?.sessionPresent).toBe(true);
  expect(again.messages("devices/d/messages/devicebound/")).toMatchObject([{ dup: true }]);
  const { lastSequence } = after.hub.events;
  again.publish("devices/d/messages/events/", "y", { qos: 1 });
  expect(after.hub.events.lastSequence).toBe(lastSequence + 1);
});

test("the ring forgets the oldest events, by number and by bytes", () => {
  const byNumber = hubWorld({ eventsMax: 10 });
  const device = connect(byNumber, "d");
  for (let count = 0; count < 35; count += 1) {
    device.publish("devices/d/messages/events/", String(count));
  }
  const kept = byNumber.hub.events.read(0, 100);
  expect(kept.map(({ body }) => Number(Buffer.from(body)))).toEqual(
    Array.from({ length: 10 }, (_, index) => 25 + index),
  );
  expect(byNumber.hub.events.read(kept[7]!.sequenceNumber, 100)).toEqual(kept.slice(8));
  const byBytes = hubWorld({ eventBytesMax: 1000 });
  const other = connect(byBytes, "d");
  for (let count = 0; count < 10; count += 1) {
    other.publish("devices/d/messages/events/", Buffer.alloc(300));
  }
  expect(byBytes.hub.events.read(0, 100)).toHaveLength(3);
});

test("subscribers see events after they are stored; one that throws harms nobody", () => {
  const world = hubWorld();
  const seen: number[] = [];
  world.hub.events.subscribe(() => {
    throw new Error("bug");
  });
  const stop = world.hub.events.subscribe(({ sequenceNumber }) => seen.push(sequenceNumber));
  const device = connect(world, "d");
  const id = device.publish("devices/d/messages/events/", "x", { qos: 1 });
  expect(device.isAcknowledged(id)).toBe(true);
  expect(seen).toEqual([1, 2, 3]);
  expect(world.hub.log.entries().some(({ text }) => text.includes("threw: bug"))).toBe(true);
  stop();
  device.publish("devices/d/messages/events/", "y");
  expect(seen).toHaveLength(3);
});
