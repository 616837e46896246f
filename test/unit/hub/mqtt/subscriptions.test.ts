// SUBSCRIBE and UNSUBSCRIBE: documented filters only, min(q, 1), kept in the session.
import { expect, test } from "vitest";
import { signSas } from "../../../../firmware/connection/sas.ts";
import { nodeDigest } from "../../../../host-tools/hub/core/sas.ts";
import { connect, HOST, hubWorld } from "../../../support/hub-world.ts";

test("QoS is granted up to 1, unknown filters get 0x80, the connection stays", () => {
  const world = hubWorld();
  const device = connect(world, "d");
  device.send({
    cmd: "subscribe",
    messageId: 9,
    subscriptions: [
      { topic: "$iothub/methods/POST/#", qos: 2 },
      { topic: "$iothub/twin/res/#", qos: 0 },
      { topic: "devices/d/messages/devicebound/#", qos: 1 },
      { topic: "#", qos: 0 },
      { topic: "devices/e/messages/devicebound/#", qos: 0 },
    ],
  });
  expect(device.received.at(-1)).toMatchObject({ cmd: "suback", granted: [1, 0, 1, 128, 128] });
  expect(device.isClosed).toBe(false);
  expect(
    world.hub.log.entries().filter(({ text }) => text.includes("no such filter")),
  ).toHaveLength(2);
});

test("an unsubscribed channel is silent, also after a reconnect", () => {
  const world = hubWorld();
  const filter = "$iothub/twin/PATCH/properties/desired/#";
  const device = connect(world, "d");
  device.subscribe(filter);
  device.send({ cmd: "unsubscribe", messageId: 3, unsubscriptions: [filter] });
  expect(device.received.at(-1)).toMatchObject({ cmd: "unsuback", messageId: 3 });
  device.cut();
  const again = connect(world, "d");
  expect(again.connack?.sessionPresent).toBe(true);
  world.hub.twins.patch({ deviceId: "d" }, { desired: { a: 1 } });
  expect(again.messages(filter.slice(0, -1))).toEqual([]);
});

test("a module has its own topics, twin, methods and session", () => {
  const world = hubWorld();
  const { hub } = world;
  hub.registry.create({ deviceId: "d" });
  hub.registry.create({ deviceId: "d", moduleId: "m" });
  const key = Buffer.from(hub.policies.find("device")!.primaryKey, "base64");
  const password = signSas(nodeDigest, key, HOST, world.nowS() + 60, "device");
  const module = connect(world, "d", {
    clientId: "d/m",
    username: `${HOST}/d/m/?api-version=2021-04-12`,
    password,
  });
  expect(module.connack?.returnCode).toBe(0);
  module.publish("devices/d/modules/m/messages/events/$.on=out1/", "x");
  const event = hub.events.read(0, 100).find(({ source }) => source === "Telemetry")!;
  expect(event.origin).toMatchObject({ deviceId: "d", moduleId: "m" });
  expect({ ...event.systemProperties }).toEqual({ "iothub-outputname": "out1" });
  expect(module.subscribe("devices/d/modules/m/#", "$iothub/twin/res/#")).toEqual([1, 1]);
  module.publish("$iothub/twin/PATCH/properties/reported/?$rid=1", '{"a":1}');
  expect(hub.twins.read({ deviceId: "d", moduleId: "m" }).properties.reported.a).toBe(1);
  expect(hub.twins.read({ deviceId: "d" }).properties.reported.a).toBeUndefined();
  hub.registry.remove({ deviceId: "d" });
  expect(module.isClosed).toBe(true);
});
