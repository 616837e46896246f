/** Provisioning against a scripted service: polling, cached assignment, refusals, throttling, re-provisioning. */
import { describe, expect, it } from "vitest";
import { parseSas } from "../../../firmware/connection/sas-parse.ts";
import { World } from "../../../host-tools/sim/world.ts";
import { DEVICE_KEY, HUB, TestDevice } from "../../support/connected-device.ts";
import { type Publish, ScriptedServer, type ServerSession } from "../../support/scripted-server.ts";

const DPS = "dps.test";
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const STORE = { "dps.host": DPS, "dps.scope": "0ne1", "dps.regid": "reg1", "dps.key": DEVICE_KEY };

interface Answer {
  status: number;
  body: unknown;
  retryAfterS?: number;
}

const assigned = (assignedHub = HUB, deviceId = "dev1", more: object = {}): Answer => ({
  status: 200,
  body: {
    operationId: "op.1",
    status: "assigned",
    registrationState: { assignedHub, deviceId, ...more },
  },
});

const assigning = (retryAfterS = 3): Answer => ({
  status: 202,
  body: { operationId: "op.1", status: "assigning" },
  retryAfterS,
});

/** Answers the n-th request with the n-th answer, then with the last one for ever. */
function serviceOf(world: World, answers: Answer[]) {
  const requests: { atMs: number; publish: Publish }[] = [];
  const broker = new ScriptedServer(world, DPS, {
    onPacket: (packet, session) => {
      if (packet.cmd !== "publish") return false;
      requests.push({ atMs: world.clock.nowMs, publish: packet });
      answer(session, packet, answers[Math.min(requests.length, answers.length) - 1]!);
      return false;
    },
  });
  return { broker, requests };
}

function answer(
  session: ServerSession,
  request: Publish,
  { status, body, retryAfterS }: Answer,
): void {
  const rid = /\$rid=([^&]*)/.exec(request.topic)![1]!;
  const retry = retryAfterS === undefined ? "" : `&retry-after=${retryAfterS}`;
  const text = typeof body === "string" ? body : JSON.stringify(body);
  session.deliver(`$dps/registrations/res/${status}/?$rid=${rid}${retry}`, text, 1, 100);
}

describe("registration", () => {
  it("registers, polls at the service's pace, connects to the assigned hub and keeps the assignment", () => {
    const world = new World({ seed: 1 });
    const { broker, requests } = serviceOf(world, [assigning(3), assigning(5), assigned()]);
    const hub = new ScriptedServer(world, HUB);
    const device = new TestDevice(world, { store: STORE, options: { modelId: "dtmi:com:ex:T;1" } });
    device.connection.start();
    world.clock.runFor(MINUTE);

    expect(device.states).toEqual(["offline", "provisioning", "connecting", "connected"]);
    const { connect } = broker.last;
    expect(connect).toMatchObject({ clientId: "reg1", clean: true });
    expect(connect.username).toBe("0ne1/registrations/reg1/api-version=2019-03-31");
    expect(parseSas(connect.password!.toString())).toMatchObject({
      resource: "0ne1/registrations/reg1",
      policy: "registration",
    });
    expect(requests.map(({ publish }) => publish.topic.replace(/\$rid=\d+/, ""))).toEqual([
      "$dps/registrations/PUT/iotdps-register/?",
      "$dps/registrations/GET/iotdps-get-operationstatus/?&operationId=op.1",
      "$dps/registrations/GET/iotdps-get-operationstatus/?&operationId=op.1",
    ]);
    expect(JSON.parse(requests[0]!.publish.payload.toString())).toEqual({
      registrationId: "reg1",
      payload: { modelId: "dtmi:com:ex:T;1" },
    });
    expect(requests[1]!.atMs - requests[0]!.atMs).toBeGreaterThanOrEqual(3000);
    expect(requests[2]!.atMs - requests[1]!.atMs).toBeGreaterThanOrEqual(5000);
    expect(broker.last.isOpen).toBe(false);
    expect(parseSas(hub.last.connect.password!.toString()).resource).toBe("hub.test/devices/dev1");
    expect([device.connection.deviceId, device.connection.hubHost]).toEqual(["dev1", HUB]);

    device.platform.powerOff();
    const persistent = device.platform.persistent;
    const next = new TestDevice(world, { store: {}, platform: { persistent } });
    next.connection.start();
    world.clock.runFor(MINUTE);
    expect(next.connection.state).toBe("connected");
    expect(broker.sessions.length).toBe(1);
  });

  it("does not use an assignment of another registration, nor a spoilt one", () => {
    for (const kept of [
      JSON.stringify({ hub: "old.test", device: "x", owner: "0ne1/other" }),
      '{"hub":"old.te',
      JSON.stringify({ hub: 7, device: "x", owner: "0ne1/reg1" }),
    ]) {
      const world = new World({ seed: 2 });
      const { broker } = serviceOf(world, [assigned()]);
      new ScriptedServer(world, HUB);
      const device = new TestDevice(world, { store: { ...STORE, "dps.assigned": kept } });
      device.connection.start();
      world.clock.runFor(MINUTE);
      expect(device.connection.state).toBe("connected");
      expect(broker.sessions.length).toBe(1);
    }
  });

  it("sends no password with X.509", () => {
    const world = new World({ seed: 3 });
    const { broker } = serviceOf(world, [assigned()]);
    const hub = new ScriptedServer(world, HUB);
    const der = Uint8Array.of(0x30, 2, 5, 0);
    const store = { ...STORE, "tls.cert": der, "tls.key": der } as Record<
      string,
      string | Uint8Array
    >;
    delete store["dps.key"];
    const device = new TestDevice(world, { store });
    device.connection.start();
    world.clock.runFor(2 * HOUR);
    expect(device.connection.state).toBe("connected");
    expect(broker.last.connect.password).toBeUndefined();
    expect(hub.last.connect.password).toBeUndefined();
    expect(hub.sessions.length).toBe(1);
  });
});

describe("failures", () => {
  it.each([
    [
      "a failed registration",
      {
        status: 200,
        body: {
          operationId: "o",
          status: "failed",
          registrationState: { errorCode: 400207, errorMessage: "no hub" },
        },
      },
      "provisioning",
      "registration failed 400207 (no hub): check the enrollment",
    ],
    [
      "a disabled enrollment",
      { status: 200, body: { operationId: "o", status: "disabled" } },
      "provisioning",
      "registration disabled",
    ],
    [
      "an unknown enrollment",
      { status: 404, body: { errorCode: 404201, message: "not found" } },
      "provisioning",
      "refused with 404 404201 (not found)",
    ],
    ["a body that is not JSON", { status: 200, body: "<html>" }, "protocol", "not JSON"],
    ["an empty body", { status: 200, body: " " }, "protocol", "not JSON"],
    [
      "an answer without a hub",
      { status: 200, body: { status: "assigned", registrationState: {} } },
      "protocol",
      "without assignedHub",
    ],
    [
      "an operation id that would break a topic",
      { status: 202, body: { operationId: "a/#", status: "assigning" } },
      "protocol",
      "operationId",
    ],
    [
      "a hub of another protocol",
      assigned(HUB, "dev1", { connectionProfile: "mqttV5" }),
      "provisioning",
      "speaks mqttV5",
    ],
    ["a server error", { status: 500, body: { errorCode: 500000 } }, "hubGone", "answered 500"],
  ] as [string, Answer, string, string][])("%s is named", (_name, answer, code, message) => {
    const world = new World({ seed: 4 });
    serviceOf(world, [answer]);
    const device = new TestDevice(world, { store: STORE });
    device.connection.start();
    world.clock.runFor(2000);
    expect(device.connection.lastFault).toMatchObject({ code });
    expect(device.connection.lastFault?.message).toContain(message);
  });

  it("honours the retry-after of 429 and goes on by itself", () => {
    const world = new World({ seed: 5 });
    const { requests } = serviceOf(world, [
      { status: 429, body: { errorCode: 429002 }, retryAfterS: 90 },
      assigned(),
    ]);
    new ScriptedServer(world, HUB);
    const device = new TestDevice(world, { store: STORE });
    device.connection.start();
    world.clock.runFor(5 * MINUTE);
    expect(device.faults).toEqual(["throttled"]);
    expect(requests[1]!.atMs - requests[0]!.atMs).toBeGreaterThanOrEqual(90_000);
    expect(device.connection.state).toBe("connected");
  });

  it("a refused key climbs the slow ladder", () => {
    const world = new World({ seed: 6 });
    const broker = new ScriptedServer(world, DPS, { connack: () => 5 });
    const device = new TestDevice(world, { store: STORE });
    device.connection.start();
    world.clock.runFor(6 * HOUR);
    expect(device.connection.lastFault?.code).toBe("credentials");
    expect(broker.sessions.length).toBeLessThan(15);
  });

  it("gives up endless polling and begins anew", () => {
    const world = new World({ seed: 7 });
    const { broker } = serviceOf(world, [assigning(1)]);
    const device = new TestDevice(world, { store: STORE });
    device.connection.start();
    world.clock.runFor(10 * MINUTE);
    expect(device.faults[0]).toBe("timeout");
    expect(broker.sessions.length).toBeGreaterThan(1);
  });

  it("a service that dies between two polls is left for a new attempt", () => {
    const world = new World({ seed: 8 });
    const { broker } = serviceOf(world, [assigning(60), assigned()]);
    new ScriptedServer(world, HUB);
    const device = new TestDevice(world, { store: STORE });
    device.connection.start();
    world.clock.runFor(10_000);
    broker.last.close();
    world.clock.runFor(5 * MINUTE);
    expect(device.connection.state).toBe("connected");
  });
});

describe("re-provisioning", () => {
  const kept = JSON.stringify({ hub: "old.test", device: "dev0", owner: "0ne1/reg1" });

  it("follows a refused cached assignment to the new hub, telemetry included", () => {
    const world = new World({ seed: 9 });
    const { broker } = serviceOf(world, [assigned()]);
    new ScriptedServer(world, "old.test", { connack: () => 5 });
    const hub = new ScriptedServer(world, HUB);
    const device = new TestDevice(world, { store: { ...STORE, "dps.assigned": kept } });
    device.connection.send(device.message("a"));
    device.connection.start();
    world.clock.runFor(MINUTE);
    expect(broker.sessions.length).toBe(1);
    expect(device.acknowledged).toEqual(["a"]);
    expect(hub.publishes[0]!.topic).toBe("devices/dev1/messages/events/");
    expect(hub.publishes[0]!.dup).toBe(false);
  });

  it("asks again after ten failures of the hub, not before", () => {
    const world = new World({ seed: 10 });
    const { broker } = serviceOf(world, [assigned()]);
    new ScriptedServer(world, HUB);
    const device = new TestDevice(world, { store: { ...STORE, "dps.assigned": kept } });
    device.connection.start();
    world.clock.runWhile(() => broker.sessions.length === 0, 24 * HOUR);
    expect(device.connection.counters.failures).toBe(10);
    world.clock.runFor(MINUTE);
    expect(device.connection.state).toBe("connected");
  });

  it("does not need the service: the cached hub comes back first", () => {
    const world = new World({ seed: 11 });
    const device = new TestDevice(world, { store: { ...STORE, "dps.assigned": kept } });
    device.connection.start();
    world.clock.runFor(HOUR);
    const hub = new ScriptedServer(world, "old.test");
    world.clock.runFor(15 * MINUTE);
    expect(device.connection.state).toBe("connected");
    expect(hub.sessions.length).toBe(1);
    expect(device.connection.counters.provisionings).toBeGreaterThan(0);
  });
});

it("stop ends a registration under way", () => {
  const world = new World({ seed: 12 });
  const { broker } = serviceOf(world, [assigning(2)]);
  const device = new TestDevice(world, { store: STORE });
  device.connection.start();
  world.clock.runFor(3000);
  device.connection.stop();
  world.clock.runFor(MINUTE);
  expect(broker.last.isOpen).toBe(false);
  expect(broker.sessions.length).toBe(1);
  expect(device.connection.state).toBe("stopped");
});
