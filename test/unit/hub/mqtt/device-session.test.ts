// A device at the hub over an in-memory stream: connect, telemetry, twin.
import { expect, test } from "vitest";
import { annotationsOf } from "../../../../host-tools/hub/core/event.ts";
import { connect, hubWorld } from "../../../support/hub-world.ts";

test("a device connects with a token, its telemetry comes out annotated, its twin answers", () => {
  const world = hubWorld();
  const { hub } = world;
  const device = connect(world, "dev1", { modelId: "dtmi:com:ex:Thermo;1" });
  expect(device.connack).toMatchObject({ returnCode: 0, sessionPresent: false });

  const bag = "%24.mid=a%20b%2F%C3%BC&%24.ct=application%2Fjson&k%201=v%26&%24.sub=comp1&bare";
  const id = device.publish(`devices/dev1/messages/events/${bag}`, '{"t":21}', { qos: 1 });
  expect(device.isAcknowledged(id)).toBe(true);
  const event = hub.events.read(0, 100).find(({ source }) => source === "Telemetry")!;
  expect(Buffer.from(event.body).toString()).toBe('{"t":21}');
  expect({ ...event.systemProperties }).toEqual({
    "message-id": "a b/ü",
    "content-type": "application/json",
    "dt-subject": "comp1",
  });
  expect({ ...event.properties }).toEqual({ "k 1": "v&", bare: null });
  expect(annotationsOf(event)).toEqual({
    "iothub-connection-device-id": "dev1",
    "iothub-connection-auth-generation-id": hub.registry.get({ deviceId: "dev1" }).generationId,
    "iothub-connection-auth-method": '{"scope":"device","type":"sas","issuer":"iothub"}',
    "iothub-enqueuedtime": "2026-11-20T12:00:00.000Z",
    "iothub-message-source": "Telemetry",
    "dt-dataschema": "dtmi:com:ex:Thermo;1",
  });

  expect(device.subscribe("$iothub/twin/res/#")).toEqual([1]);
  device.publish("$iothub/twin/GET/?$rid=7", " ");
  const [answer] = device.messages("$iothub/twin/res/");
  expect(answer!.topic).toBe("$iothub/twin/res/200/?$rid=7");
  expect(JSON.parse(answer!.payload.toString())).toEqual({
    desired: { $version: 1 },
    reported: { $version: 1 },
  });
});
