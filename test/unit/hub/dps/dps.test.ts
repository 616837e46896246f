// The provisioning service over MQTT: register, poll, result, refusals as JSON, reprovisioning.
import { expect, test } from "vitest";
import { decodeBase64 } from "../../../../firmware/codec/base64.ts";
import { deriveDeviceKey, signSas } from "../../../../firmware/connection/sas.ts";
import {
  DPS_REGISTER_PREFIX,
  DPS_STATUS_PREFIX,
  dpsResource,
  dpsUserName,
} from "../../../../firmware/connection/topics.ts";
import type { EnrollmentSpec } from "../../../../host-tools/hub/core/enrollment.ts";
import type { HubOptions } from "../../../../host-tools/hub/core/options.ts";
import { nodeDigest } from "../../../../host-tools/hub/core/sas.ts";
import { serveMqtt } from "../../../../host-tools/hub/serve-mqtt.ts";
import { type HubWorld, hubWorld, RawClient } from "../../../support/hub-world.ts";

const RESPONSES = "$dps/registrations/res/";
const SYMMETRIC: EnrollmentSpec = { attestation: { type: "symmetricKey" } };

interface Answer {
  topic: string;
  body: Record<string, unknown> & { registrationState?: Record<string, unknown> };
}

class Registrant {
  readonly client: RawClient;

  constructor(world: HubWorld, registrationId: string, key: string, overrides = {}) {
    const { hub } = world;
    const scope = hub.enrollments.idScope;
    const sas = { scope, policy: "registration", username: dpsUserName(scope, registrationId) };
    const used = { ...sas, clientId: registrationId, ...overrides };
    const resource = dpsResource(used.scope, registrationId);
    const token = signSas(nodeDigest, decodeBase64(key), resource, world.nowS() + 60, used.policy);
    this.client = new RawClient((stream) => serveMqtt(hub, stream));
    this.client.send({
      ...{ cmd: "connect", protocolId: "MQTT", protocolVersion: 4, clean: true, keepalive: 60 },
      clientId: used.clientId,
      username: used.username,
      password: Buffer.from(token),
    });
    if (!this.client.isClosed) this.client.subscribe(`${RESPONSES}#`);
  }

  register(body: unknown = {}): Answer {
    const isRaw = typeof body === "string" || body instanceof Buffer;
    const text = isRaw ? body : JSON.stringify(body);
    return this.#ask(`${DPS_REGISTER_PREFIX}?$rid=1`, text);
  }

  poll(operationId: unknown): Answer {
    return this.#ask(`${DPS_STATUS_PREFIX}?$rid=1&operationId=${operationId}`, " ");
  }

  #ask(topic: string, payload: string | Buffer): Answer {
    this.client.publish(topic, payload, { qos: 1 });
    const answer = this.client.messages(RESPONSES).at(-1)!;
    return { topic: answer.topic, body: JSON.parse(answer.payload.toString()) };
  }
}

function individual(
  options: Partial<HubOptions> = {},
  spec = {},
): { world: HubWorld; key: string } {
  const world = hubWorld(options);
  const { attestation } = world.hub.enrollments.putIndividual("reg1", { ...SYMMETRIC, ...spec });
  if (attestation.type !== "symmetricKey") throw new Error("no key");
  return { world, key: attestation.symmetricKey.secondaryKey };
}

test("register, poll while assigning, get the assignment with the payload echoed", () => {
  const options = { assigningPolls: 2, assignedHub: "hub.test:8883" };
  const { world, key } = individual(options, { deviceId: "kitchen" });
  const device = new Registrant(world, "reg1", key);
  const payload = { modelId: "dtmi:a;1" };
  const started = device.register({ registrationId: "reg1", payload });
  expect(started.topic).toBe(`${RESPONSES}202/?$rid=1&retry-after=3`);
  expect(started.body).toMatchObject({ status: "assigning" });
  const { operationId } = started.body;
  for (let count = 0; count < 2; count += 1) {
    expect(device.poll(operationId)).toEqual({ topic: started.topic, body: started.body });
  }
  const done = device.poll(operationId);
  expect(done.topic).toBe(`${RESPONSES}200/?$rid=1`);
  expect(done.body).toMatchObject({
    operationId,
    status: "assigned",
    registrationState: {
      ...{ registrationId: "reg1", deviceId: "kitchen", assignedHub: "hub.test:8883" },
      ...{ status: "assigned", substatus: "initialAssignment", payload },
      createdDateTimeUtc: "2026-11-20T12:00:00.000Z",
    },
  });
  expect(world.hub.registry.get({ deviceId: "kitchen" }).authentication).toMatchObject({
    symmetricKey: { secondaryKey: key },
  });
});

test("a group's member: the key is derived over the lower-case id", () => {
  const world = hubWorld();
  const group = world.hub.enrollments.putGroup("fleet", SYMMETRIC);
  if (group.attestation.type !== "symmetricKey") throw new Error("no key");
  const key = deriveDeviceKey(nodeDigest, group.attestation.symmetricKey.primaryKey, "Dev-A");
  const device = new Registrant(world, "Dev-A", key);
  const { body } = device.poll(device.register().body.operationId);
  expect(body.registrationState).toMatchObject({ deviceId: "Dev-A", enrollmentGroupId: "fleet" });
});

test.each([
  [
    "another scope in the user name",
    { username: "0neOTHER/registrations/reg1/api-version=2019-03-31" },
    5,
    "id scope",
  ],
  ["another scope in the token", { scope: "0neOTHER" }, 5, "the token is for"],
  ["no skn", { policy: undefined }, 5, "field skn"],
  ["another client id", { clientId: "reg2" }, 2, "client id"],
  ["no api-version", { username: "0ne/registrations/reg1" }, 4, "not of the form"],
])("refused at CONNECT: %s", (_what, overrides, returnCode, why) => {
  const { world, key } = individual();
  const { client } = new Registrant(world, "reg1", key, overrides);
  expect(client.connack?.returnCode).toBe(returnCode);
  expect(client.isClosed).toBe(true);
  expect(world.hub.log.entries().at(-1)!.text).toContain(why);
});

test("an unknown registration, and a key that fits no group, are refused with an explanation", () => {
  const { world } = individual();
  const key = Buffer.alloc(32).toString("base64");
  expect(new Registrant(world, "stranger", key).client.connack?.returnCode).toBe(5);
  expect(world.hub.log.entries().at(-1)!.text).toContain('no enrollment "stranger"');
  expect(new Registrant(world, "reg1", key).client.connack?.returnCode).toBe(5);
  expect(world.hub.log.entries().at(-1)!.text).toContain("wrong key");
});

test("every refusal of a request is JSON with an error code; the connection stays", () => {
  const { world, key } = individual();
  const device = new Registrant(world, "reg1", key);
  const refusals: [Answer, number, number][] = [
    [device.register("{"), 400, 400004],
    [device.register("[]"), 400, 400004],
    [device.register(Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x3a, 0x31, 0x7d])), 400, 400004],
    [device.register({ registrationId: "reg2" }), 400, 400004],
    [device.register({ payload: { text: "x".repeat(98_304) } }), 400, 400004],
    [device.poll("4.no.such"), 404, 404001],
  ];
  for (const [{ topic, body }, status, errorCode] of refusals) {
    expect(topic).toBe(`${RESPONSES}${status}/?$rid=1`);
    expect(body).toMatchObject({ errorCode, message: expect.any(String) });
  }
  expect(device.client.isClosed).toBe(false);
});

test("more than five polls in ten seconds: 429 with retry-after", () => {
  const { world, key } = individual({ assigningPolls: 100 });
  const device = new Registrant(world, "reg1", key);
  const { operationId } = device.register().body;
  for (let count = 0; count < 5; count += 1) device.poll(operationId);
  expect(device.poll(operationId).topic).toBe(`${RESPONSES}429/?$rid=1&retry-after=3`);
  world.clock.runFor(10_000);
  expect(device.poll(operationId).topic).toContain("/202/");
});

test("a disabled enrollment is told so; registering again follows the reprovision policy", () => {
  const { world, key } = individual({}, { initialTwin: { desired: { a: 1 } } });
  const { hub } = world;
  const once = (): Answer => {
    const device = new Registrant(world, "reg1", key);
    return device.poll(device.register().body.operationId);
  };
  once();
  hub.twins.patch({ deviceId: "reg1" }, { desired: { a: 2 } });
  expect(once().body.registrationState).toMatchObject({ substatus: "initialAssignment" });
  expect(hub.twins.read({ deviceId: "reg1" }).properties.desired.a).toBe(2);
  const reset = { updateHubAssignment: true, migrateDeviceData: false };
  const initialTwin = { desired: { a: 1 } };
  hub.enrollments.putIndividual("reg1", { ...SYMMETRIC, initialTwin, reprovisionPolicy: reset });
  expect(once().body.registrationState).toMatchObject({ substatus: "deviceDataReset" });
  expect(hub.twins.read({ deviceId: "reg1" }).properties.desired.a).toBe(1);
  hub.enrollments.putIndividual("reg1", { ...SYMMETRIC, enabled: false });
  expect(once().body).toMatchObject({ status: "disabled" });
});

test("topics and filters that DPS does not have", () => {
  const { world, key } = individual();
  const device = new Registrant(world, "reg1", key);
  expect(device.client.subscribe("#", `${RESPONSES}#`)).toEqual([128, 1]);
  device.client.publish("devices/reg1/messages/events/", "x");
  expect(device.client.isClosed).toBe(true);
});
