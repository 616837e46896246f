// Microsoft's service SDK, unmodified, against the HTTPS API: registry, twins, queries, methods, refusals.
// The SDK sends the host name without its port; an agent with the port is what it takes (its own setOptions).
import { mkdtempSync, rmSync } from "node:fs";
import { Agent } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import iothub from "azure-iothub";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type RunningHub, startHub } from "../../host-tools/hub/hub.ts";

const { Registry, Client } = iothub;
let folder: string;
let hub: RunningHub;
let registry: InstanceType<typeof Registry>;
let client: InstanceType<typeof Client>;

interface HasRestClient {
  _restApiClient: { setOptions(options: object): void };
}

/** The port trick: an agent that trusts our CA and whose default port is the hub's. */
function pointAt<T>(sdk: T): T {
  const agent = new Agent({ keepAlive: true, ca: hub.authority.caPem });
  Object.assign(agent, { defaultPort: hub.httpsPort });
  (sdk as unknown as HasRestClient)._restApiClient.setOptions({ http: { agent } });
  return sdk;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "godwit-iothub-"));
  hub = await startHub({ dataDir: join(folder, "hub"), mqttsPort: 0, httpsPort: 0 });
  const connectionString = hub.ownerConnectionString.replace(
    /HostName=[^;]+/,
    "HostName=localhost",
  );
  registry = pointAt(Registry.fromConnectionString(connectionString));
  client = pointAt(Client.fromConnectionString(connectionString));
});

afterAll(async () => {
  await hub?.close();
  rmSync(folder, { recursive: true, force: true });
});

test("create, get, list, update, delete", async () => {
  const { responseBody: created } = await registry.create({ deviceId: "shop:1(a)" });
  expect(created.authentication?.symmetricKey?.primaryKey).toMatch(/^[A-Za-z0-9+/]{43}=$/);
  const { responseBody: got } = await registry.get("shop:1(a)");
  expect(got.etag).toBe(created.etag);
  await expect(registry.create({ deviceId: "shop:1(a)" })).rejects.toMatchObject({
    name: "DeviceAlreadyExistsError",
  });
  const { responseBody: off } = await registry.update({
    ...JSON.parse(JSON.stringify(got)),
    status: "disabled",
  });
  expect([off.status, off.etag === got.etag]).toEqual(["disabled", false]);
  expect(off.authentication?.symmetricKey?.primaryKey).toBe(
    created.authentication?.symmetricKey?.primaryKey,
  );
  const { responseBody: all } = await registry.list();
  expect(all.map((device) => device.deviceId)).toEqual(["shop:1(a)"]);
  await registry.delete("shop:1(a)");
  await expect(registry.get("shop:1(a)")).rejects.toMatchObject({ name: "DeviceNotFoundError" });
});

test("many at once", async () => {
  const devices = Array.from({ length: 30 }, (_, index) => ({
    deviceId: `bulk-${String(index).padStart(2, "0")}`,
  }));
  const { responseBody: added } = await registry.addDevices(devices);
  expect(added).toMatchObject({ isSuccessful: true, errors: [] });
  await expect(registry.addDevices(devices.slice(0, 2))).rejects.toMatchObject({
    name: "ArgumentError",
  });
  const { responseBody: statistics } = await registry.getRegistryStatistics();
  expect(statistics).toMatchObject({ totalDeviceCount: 30 });
  await registry.removeDevices(devices.slice(10), true);
  expect((await registry.list()).responseBody).toHaveLength(10);
});

test("twins: get, patch with etag, stale etag, replace through the twin object", async () => {
  await registry.create({ deviceId: "twin-1" });
  const { responseBody: twin } = await registry.getTwin("twin-1");
  expect(twin.properties.desired.$version).toBe(1);
  const staleEtag = twin.etag;
  const { result: patched } = await twin.update({
    tags: { site: "Bergen" },
    properties: { desired: { targetC: 21.5 } },
  });
  expect(patched.tags).toEqual({ site: "Bergen" });
  expect(patched.properties.desired).toMatchObject({ targetC: 21.5, $version: 2 });
  await expect(
    registry.updateTwin("twin-1", { tags: { site: "x" } }, staleEtag),
  ).rejects.toMatchObject({ name: "InvalidEtagError" });
  const { responseBody: cleared } = await registry.updateTwin(
    "twin-1",
    { properties: { desired: { targetC: null } } },
    "*",
  );
  expect(cleared.properties.desired).not.toHaveProperty("targetC");
  await expect(
    registry.updateTwin("twin-1", { properties: { desired: { big: "x".repeat(5000) } } }, "*"),
  ).rejects.toMatchObject({ name: "ArgumentError" });
});

test("queries go on page by page and give twins", async () => {
  const query = registry.createQuery(
    "SELECT * FROM devices WHERE startswith(deviceId, 'bulk-')",
    4,
  );
  const found: string[] = [];
  let pages = 0;
  while (query.hasMoreResults) {
    const { result } = await query.nextAsTwin();
    found.push(...result.map((twin: { deviceId: string }) => twin.deviceId));
    pages += 1;
  }
  expect(pages).toBe(3);
  expect(found).toEqual(Array.from({ length: 10 }, (_, index) => `bulk-0${index}`));
  await expect(registry.createQuery("SELECT * FROM nowhere").next()).rejects.toMatchObject({
    name: "ArgumentError",
    message: expect.stringContaining("at character 15"),
  });
});

test("a method of a device that is not there, or not online, is told apart", async () => {
  const call = { methodName: "reboot", payload: null, responseTimeoutInSeconds: 5 };
  await registry.create({ deviceId: "offline" });
  await expect(client.invokeDeviceMethod("offline", call)).rejects.toMatchObject({
    message: "Not found",
    responseBody: expect.stringContaining("DeviceNotOnline"),
  });
  await expect(client.invokeDeviceMethod("nobody", call)).rejects.toMatchObject({
    name: "DeviceNotFoundError",
  });
});

test("a wrong key is refused", async () => {
  const wrong = `HostName=localhost;SharedAccessKeyName=iothubowner;SharedAccessKey=${Buffer.alloc(32).toString("base64")}`;
  await expect(pointAt(Registry.fromConnectionString(wrong)).list()).rejects.toMatchObject({
    name: "UnauthorizedError",
  });
});
