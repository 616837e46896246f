// Microsoft's unmodified azure-iot-device over MQTT against the hub's TLS listener.
import { Client, Message, SharedAccessKeyAuthenticationProvider } from "azure-iot-device";
import { Mqtt } from "azure-iot-device-mqtt";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import type { HubEvent } from "../../../host-tools/hub/core/event.ts";
import {
  deviceConnectionString,
  type LoopbackHub,
  startLoopbackHub,
} from "../../support/hub-loopback.ts";

/** Tokens of the renewal test live this long and are renewed one second after their birth. */
const LIFE_S = 60;
const PATIENCE = { timeout: 10_000, interval: 20 };

let loopback: LoopbackHub;
const clients: Client[] = [];

beforeAll(async () => {
  loopback = await startLoopbackHub();
});

afterEach(async () => {
  for (const client of clients.splice(0)) {
    client.removeAllListeners();
    await client.close();
  }
});

afterAll(() => loopback.close());

async function open(deviceId: string, options: object = {}): Promise<Client> {
  const { hub, authority } = loopback;
  if (hub.registry.find({ deviceId }) === undefined) hub.registry.create({ deviceId });
  const client = Client.fromConnectionString(deviceConnectionString(loopback, deviceId), Mqtt);
  clients.push(client);
  await client.setOptions({ ca: authority.caPem, ...options });
  await client.open();
  return client;
}

function telemetryOf(deviceId: string): HubEvent[] {
  return loopback.hub.events
    .read(0, 1000)
    .filter(({ source, origin }) => source === "Telemetry" && origin.deviceId === deviceId);
}

test("telemetry arrives with its properties", async () => {
  const client = await open("telemetry", { modelId: "dtmi:com:ex:Thermo;1" });
  const message = new Message('{"t":21.5}');
  message.messageId = "a b/ü";
  message.contentType = "application/json";
  message.contentEncoding = "utf-8";
  message.properties.add("k 1", "v&");
  await client.sendEvent(message);
  const [event] = telemetryOf("telemetry");
  expect(Buffer.from(event!.body).toString()).toBe('{"t":21.5}');
  expect(event!.systemProperties["message-id"]).toBe("a b/ü");
  expect(event!.systemProperties["content-type"]).toBe("application/json");
  expect({ ...event!.properties }).toEqual({ "k 1": "v&" });
  expect(event!.origin.modelId).toBe("dtmi:com:ex:Thermo;1");
});

test("the twin is read, patched and follows desired changes; a refused patch is an error", async () => {
  const { hub } = loopback;
  const client = await open("twin");
  hub.twins.patch({ deviceId: "twin" }, { desired: { target: 20 } });
  const twin = await client.getTwin();
  expect(twin.properties.desired.target).toBe(20);
  const report = (patch: object): Promise<void> =>
    new Promise((resolve, reject) => {
      twin.properties.reported.update(patch, (error?: Error) =>
        error ? reject(error) : resolve(),
      );
    });
  await report({ temperature: 21, nested: { a: 1 } });
  await report({ nested: { a: null, b: 2 } });
  expect(hub.twins.read({ deviceId: "twin" }).properties.reported).toMatchObject({
    temperature: 21,
    nested: { b: 2 },
    $version: 3,
  });
  await expect(report({ "bad.key": 1 })).rejects.toThrow();
  const values: number[] = [];
  twin.on("properties.desired.target", (value: number) => values.push(value));
  await vi.waitFor(() =>
    expect(hub.sessions.find({ deviceId: "twin" })?.qosOf("desired")).toBeDefined(),
  );
  hub.twins.patch({ deviceId: "twin" }, { desired: { target: 25 } });
  await vi.waitFor(() => expect(values).toEqual([20, 25]));
});

test("a method is answered", async () => {
  const client = await open("method");
  client.onDeviceMethod("reboot", (request, response) => {
    expect(request.payload).toEqual({ delayS: 3 });
    void response.send(202, { accepted: true });
  });
  await vi.waitFor(() =>
    expect(loopback.hub.sessions.find({ deviceId: "method" })?.qosOf("methods")).toBeDefined(),
  );
  const call = { methodName: "reboot", payload: { delayS: 3 } };
  expect(await loopback.hub.methods.invoke({ deviceId: "method" }, call)).toEqual({
    status: 202,
    payload: { accepted: true },
  });
});

test("cloud-to-device messages arrive with their properties and are completed", async () => {
  const { hub } = loopback;
  const client = await open("c2d");
  const received: Message[] = [];
  client.on("message", (message: Message) => {
    received.push(message);
    void client.complete(message);
  });
  const properties = { colour: "red/blue & ü" };
  const sent = hub.cloudToDevice.send(
    { deviceId: "c2d" },
    { body: Buffer.from("hello"), properties, messageId: "m 1" },
  );
  await vi.waitFor(() => expect(received).toHaveLength(1));
  expect(received[0]!.data.toString()).toBe("hello");
  expect(received[0]!.messageId).toBe(sent);
  expect(received[0]!.properties.getValue("colour")).toBe("red/blue & ü");
  await vi.waitFor(() => expect(hub.cloudToDevice.pending({ deviceId: "c2d" })).toHaveLength(0));
});

test("desired changes still arrive after a lost connection: the session keeps what was subscribed", async () => {
  const { hub } = loopback;
  const client = await open("drop");
  const twin = await client.getTwin();
  const values: number[] = [];
  twin.on("properties.desired.n", (value: number) => values.push(value));
  await vi.waitFor(() =>
    expect(hub.sessions.find({ deviceId: "drop" })?.qosOf("desired")).toBeDefined(),
  );
  client.on("error", () => {});
  expect(hub.faults.drop("drop")).toBe(1);
  await client.sendEvent(new Message("after the drop"));
  hub.twins.patch({ deviceId: "drop" }, { desired: { n: 7 } });
  await vi.waitFor(() => expect(values).toEqual([7]), PATIENCE);
});

test("desired changes still arrive after a token renewal", async () => {
  const { hub } = loopback;
  hub.registry.create({ deviceId: "renewal" });
  const tokens = SharedAccessKeyAuthenticationProvider.fromConnectionString(
    deviceConnectionString(loopback, "renewal"),
    LIFE_S,
    LIFE_S - 1,
  );
  const client = Client.fromAuthenticationProvider(tokens, Mqtt);
  clients.push(client);
  await client.setOptions({ ca: loopback.authority.caPem });
  await client.open();
  const twin = await client.getTwin();
  const values: number[] = [];
  twin.on("properties.desired.n", (value: number) => values.push(value));
  await vi.waitFor(() =>
    expect(hub.sessions.find({ deviceId: "renewal" })?.qosOf("desired")).toBeDefined(),
  );
  const before = hub.sessions.find({ deviceId: "renewal" });
  await vi.waitFor(() => {
    const now = hub.sessions.find({ deviceId: "renewal" });
    expect(now).toBeDefined();
    expect(now).not.toBe(before);
  }, PATIENCE);
  hub.twins.patch({ deviceId: "renewal" }, { desired: { n: 8 } });
  await vi.waitFor(() => expect(values).toEqual([8]), PATIENCE);
});

test("X.509: the registered certificate connects, another one does not", async () => {
  const { hub, authority } = loopback;
  const good = await authority.issueDevice("x509");
  const other = await authority.issueDevice("x509");
  hub.registry.create({
    deviceId: "x509",
    authentication: {
      type: "selfSigned",
      x509Thumbprint: { primaryThumbprint: good.thumbprintSha256, secondaryThumbprint: null },
    },
  });
  const client = await open("x509", { cert: good.certificatePem, key: good.keyPem });
  await client.sendEvent(new Message("by certificate"));
  expect(telemetryOf("x509")).toHaveLength(1);
  expect(telemetryOf("x509")[0]!.origin.authMethod).toContain('"type":"x509"');
  await client.close();
  clients.length = 0;
  await expect(open("x509", { cert: other.certificatePem, key: other.keyPem })).rejects.toThrow();
  expect(hub.log.entries().at(-1)!.text).toContain("is not the one registered");
});

test("X.509 by authority: any certificate of a registered authority with the device's name", async () => {
  const { hub, authority } = loopback;
  hub.registry.create({ deviceId: "ca-dev", authentication: { type: "certificateAuthority" } });
  const mine = await authority.issueDevice("ca-dev");
  const options = { cert: mine.certificatePem, key: mine.keyPem };
  await expect(open("ca-dev", options)).rejects.toThrow();
  hub.authorities.put("test", authority.caPem);
  const client = await open("ca-dev", options);
  await client.sendEvent(new Message("by authority"));
  expect(telemetryOf("ca-dev")).toHaveLength(1);
});

test("a wrong key is refused, and the log says so", async () => {
  const { hub, authority } = loopback;
  hub.registry.create({ deviceId: "wrong" });
  const key = Buffer.alloc(32, 1).toString("base64");
  const text = `HostName=${loopback.host};DeviceId=wrong;SharedAccessKey=${key}`;
  const client = Client.fromConnectionString(text, Mqtt);
  await client.setOptions({ ca: authority.caPem });
  await expect(client.open()).rejects.toThrow();
  expect(hub.log.entries().at(-1)!.text).toContain("wrong key");
});
