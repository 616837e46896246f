// MqttClient against a scripted broker built on mqtt-packet.

import { generate, parser } from "mqtt-packet";
import { expect, test } from "vitest";
import { MqttClient } from "../../../firmware/mqtt/client.ts";

test("connects, subscribes and publishes in one flight", () => {
  const log: string[] = [];
  const client = new MqttClient(
    {},
    {
      onConnack: (code, isPresent) => log.push(`connack ${code} ${isPresent}`),
      onPublish: (message, payload) => log.push(`publish ${message.topic} ${payload.length}`),
      onAcknowledged: (id) => log.push(`puback ${id}`),
      onSuback: (id, granted) => log.push(`suback ${id} ${[...granted]}`),
      onClosed: (reason, detail) => log.push(`closed ${reason} ${detail}`),
      onError: (error) => log.push(`error ${error}`),
    },
  );
  client.connect({ clientId: "dev1", cleanSession: false, keepAliveS: 60 }, 0);
  client.subscribe([{ filter: "a/#", qos: 1 }], 0);
  client.publish({ topic: "t", payload: new Uint8Array(3), qos: 1 }, 0);
  const seen: string[] = [];
  const broker = parser();
  broker.on("packet", (packet) => seen.push(packet.cmd));
  broker.parse(Buffer.from(client.pull(1000, 0)!));
  expect(seen).toEqual(["connect", "subscribe", "publish"]);
  client.receive(generate({ cmd: "connack", returnCode: 0, sessionPresent: true }), 1);
  client.receive(generate({ cmd: "suback", messageId: 1, granted: [1] }), 1);
  client.receive(generate({ cmd: "puback", messageId: 2 }), 1);
  client.receive(
    generate({ cmd: "publish", topic: "a/b", payload: "", qos: 0, retain: false, dup: false }),
    1,
  );
  client.disconnect(2);
  expect([...client.pull(1000, 2)!]).toEqual([0xe0, 0]);
  expect(log).toEqual([
    "connack 0 true",
    "suback 1 1",
    "puback 2",
    "publish a/b 0",
    "closed disconnected ",
  ]);
});
