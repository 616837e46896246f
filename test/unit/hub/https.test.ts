// The service API without a socket: rights, refusals, hostile bodies. SDKs and sockets: test/interop.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Hub } from "../../../host-tools/hub/core/hub.ts";
import { createApi } from "../../../host-tools/hub/https/api.ts";
import { nodeEnvironment } from "../../../host-tools/hub/node-environment.ts";
import { openAuthority } from "../../../host-tools/hub/pki/authority.ts";
import { serviceToken } from "../../../host-tools/hub/service-client.ts";

const folder = mkdtempSync(join(tmpdir(), "godwit-https-"));
const authority = await openAuthority(folder);
const { certificatePem, keyPem } = await authority.serverCertificate([]);
rmSync(folder, { recursive: true });

let hub: Hub;
let app: FastifyInstance;

beforeEach(() => {
  hub = new Hub({ environment: nodeEnvironment, hostName: "localhost" });
  app = createApi({ hub, hostName: "localhost", tls: { key: keyPem, cert: certificatePem } });
});
afterEach(async () => {
  await app.close();
  hub.close();
});

function token(policy = "iothubowner", hostName = "localhost:8443", nowMs = Date.now()): string {
  const key = hub.policies.find(policy)!.primaryKey;
  return serviceToken({ hostName, policy, key }, nowMs);
}

async function call(
  method: "GET" | "PUT" | "PATCH" | "POST" | "DELETE",
  url: string,
  body?: unknown,
  headers: Record<string, string> = {},
) {
  const raw = typeof body === "string" || body instanceof Uint8Array;
  const answer = await app.inject({
    method,
    url,
    headers: { authorization: token(), "content-type": "application/json", ...headers },
    ...(body !== undefined && {
      payload: raw ? Buffer.from(body as string) : JSON.stringify(body),
    }),
  });
  const json = answer.payload === "" ? undefined : JSON.parse(answer.payload);
  return { status: answer.statusCode, json, headers: answer.headers };
}

test("answers carry what Microsoft's SDKs take apart", async () => {
  const { status, json, headers } = await call("GET", "/devices/no%20one");
  expect(status).toBe(404);
  expect(json.Message).toMatch(/^ErrorCode:DeviceNotFound;[^;]+$/);
  expect(json.ExceptionMessage).toMatch(/^Tracking ID:[0-9a-f-]{36}-TimeStamp:20/);
  expect(headers["iothub-errorcode"]).toBe("DeviceNotFound");
  expect(headers["content-type"]).toMatch(/^application\/json/);
});

test("a token is needed, for this hub, not expired, with the right", async () => {
  const list = (authorization: string) => call("GET", "/devices", undefined, { authorization });
  expect((await app.inject({ method: "GET", url: "/devices" })).statusCode).toBe(401);
  expect((await list("Bearer nonsense")).status).toBe(401);
  expect((await list(token("iothubowner", "other.example"))).status).toBe(401);
  const hourAgo = Date.now() - 3601_000;
  expect((await list(token("iothubowner", "localhost", hourAgo))).json.Message).toContain(
    "expired",
  );
  expect((await list(token("service"))).json.Message).toContain("no right RegistryRead");
  expect((await list(token("registryRead"))).status).toBe(200);
  const headers = { authorization: token("registryRead") };
  expect((await call("PUT", "/devices/a", {}, headers)).status).toBe(401);
  expect(hub.registry.find({ deviceId: "a" })).toBeUndefined();
});

test("who provisions needs no right to the registry, and the other way round", async () => {
  const status = async (url: string, policy: string) =>
    (await call("GET", url, undefined, { authorization: token(policy) })).status;
  expect(await status("/enrollments/e", "provisioningserviceowner")).toBe(404);
  expect(await status("/devices", "provisioningserviceowner")).toBe(401);
  expect(await status("/enrollments/e", "registryReadWrite")).toBe(401);
});

test("no refusal and no log line shows a token or a key", async () => {
  const { primaryKey } = hub.policies.find("iothubowner")!;
  const bad = token().replace(/sig=[^&]+/, "sig=c2VjcmV0");
  const { json } = await call("GET", "/devices", undefined, { authorization: bad });
  await call("PUT", "/devices/a", { authentication: { symmetricKey: { primaryKey: "short" } } });
  const said = JSON.stringify([json, hub.log.entries()]);
  expect(said).not.toContain("c2VjcmV0");
  expect(said).not.toContain(primaryKey);
});

test.each([
  ["no JSON", "{", 400],
  ["no UTF-8", new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), 400],
  ["__proto__", '{"tags":{"__proto__":{"x":1}}}', 400],
  ["constructor.prototype", '{"tags":{"constructor":{"prototype":{"x":1}}}}', 400],
  ["too long", `{"tags":{"x":"${"a".repeat(600_000)}"}}`, 413],
  ["an array", "[]", 400],
  ["nothing", "", 400],
  ["tags of a wrong type", '{"tags":7}', 400],
  ["deep", `{"tags":${'{"a":'.repeat(3000)}1${"}".repeat(3000)}}`, 400],
  ["a key with a dot", '{"properties":{"desired":{"a.b":1}}}', 400],
  ["a number too large", '{"properties":{"desired":{"a":4503599627370497}}}', 400],
])("a twin patch that is %s is refused, and the twin stays", async (_, body, status) => {
  await call("PUT", "/devices/dev1", {});
  const before = (await call("GET", "/twins/dev1")).json;
  expect((await call("PATCH", "/twins/dev1", body)).status).toBe(status);
  expect((await call("GET", "/twins/dev1")).json).toEqual(before);
  expect(({} as { x?: number }).x).toBeUndefined();
});

test.each([
  [{ deviceId: "other" }, "deviceId"],
  [{ status: "asleep" }, "status must be one of enabled, disabled"],
  [{ statusReason: 5 }, "statusReason must be a text"],
  [{ authentication: { type: "password" } }, "type must be one of"],
  [{ authentication: { type: "sas", symmetricKey: { primaryKey: 1 } } }, "primaryKey"],
  [{ capabilities: { iotEdge: "yes" } }, "iotEdge must be true or false"],
])("device %j is refused naming the field", async (body, text) => {
  const { status, json } = await call("PUT", "/devices/dev1", body);
  expect(status).toBe(400);
  expect(json.Message).toContain(text);
});

test("etags guard updates and deletions of identities and twins", async () => {
  const { json: made } = await call("PUT", "/devices/dev1", {});
  const stale = { "if-match": '"stale"' };
  expect((await call("PUT", "/devices/dev1", {}, stale)).status).toBe(412);
  expect((await call("DELETE", "/devices/dev1", undefined, stale)).status).toBe(412);
  expect((await call("PATCH", "/twins/dev1", { tags: {} }, stale)).status).toBe(412);
  expect((await call("PUT", "/devices/dev1", {})).json.Message).toContain("DeviceAlreadyExists");
  const fresh = { "if-match": `"${made.etag}"` };
  expect((await call("DELETE", "/devices/dev1", undefined, fresh)).status).toBe(204);
});

test("modules have identities and twins of their own", async () => {
  await call("PUT", "/devices/dev1", {});
  const { json } = await call("PUT", "/devices/dev1/modules/pump", { managedBy: "me" });
  expect(json).toMatchObject({ deviceId: "dev1", moduleId: "pump", managedBy: "me" });
  await call("PATCH", "/twins/dev1/modules/pump", { properties: { desired: { rpm: 5 } } });
  expect((await call("GET", "/twins/dev1/modules/pump")).json.properties.desired.rpm).toBe(5);
  expect((await call("GET", "/twins/dev1")).json.properties.desired.rpm).toBeUndefined();
  expect((await call("GET", "/devices/dev1/modules")).json).toHaveLength(1);
  const query = { query: "SELECT moduleId FROM devices.modules" };
  expect((await call("POST", "/devices/query", query)).json).toEqual([{ moduleId: "pump" }]);
});

test("pages of a query end where TOP or the rows end, also when rows come and go", async () => {
  for (const id of ["a", "b", "c", "d", "e"]) await call("PUT", `/devices/${id}`, {});
  const page = async (query: string, continuation?: string) => {
    const { json, headers } = await call(
      "POST",
      "/devices/query",
      { query },
      {
        "x-ms-max-item-count": "2",
        ...(continuation && { "x-ms-continuation": continuation }),
      },
    );
    const ids = json.map((row: { deviceId: string }) => row.deviceId);
    return { ids, next: headers["x-ms-continuation"] as string | undefined };
  };
  const first = await page("SELECT TOP 3 * FROM devices");
  expect(first.ids).toEqual(["a", "b"]);
  await call("DELETE", "/devices/b");
  await call("PUT", "/devices/aa", {});
  const second = await page("SELECT TOP 3 * FROM devices", first.next);
  expect(second).toEqual({ ids: ["c"], next: undefined });
  const count = { query: "SELECT COUNT() AS n FROM devices" };
  expect((await call("POST", "/devices/query", count)).json).toEqual([{ n: 5 }]);
  const forged = { "x-ms-continuation": "bm9wZQ" };
  expect((await call("POST", "/devices/query", count, forged)).status).toBe(200);
  const bad = await call("POST", "/devices/query", { query: "SELECT * FROM devices" }, forged);
  expect(bad.json.Message).toContain("no token of this hub");
});

test("cloud-to-device messages: queued with their properties, bounded, purged", async () => {
  await call("PUT", "/devices/dev1", {});
  const headers = {
    "content-type": "text/plain",
    "iothub-app-level": encodeURIComponent("hoch ü&="),
    "iothub-ack": "full",
    "iothub-messageid": "m1",
  };
  const send = (body: string | Uint8Array, more = {}) =>
    call("POST", "/devices/dev1/messages/deviceBound", body, { ...headers, ...more });
  expect((await send("hello")).json).toEqual({ messageId: "m1" });
  expect((await send("x".repeat(65_537))).status).toBe(413);
  expect((await send("x", { "iothub-ack": "maybe" })).status).toBe(400);
  expect((await send("x", { "iothub-app-bad": "%zz" })).status).toBe(400);
  expect((await send("x", { "iothub-expiry": "tomorrow" })).status).toBe(400);
  for (let index = 1; index < 50; index++) expect((await send("x")).status).toBe(200);
  expect((await send("one too many")).json.Message).toContain("DeviceMaximumQueueDepthExceeded");
  expect((await call("GET", "/devices/dev1")).json.cloudToDeviceMessageCount).toBe(50);
  expect((await call("DELETE", "/devices/dev1/commands")).json.totalMessagesPurged).toBe(50);
});

test("enrollments: keys only on request, certificates read, TPM refused", async () => {
  const attestation = { type: "symmetricKey" };
  const { json: group } = await call("PUT", "/enrollmentGroups/plant", { attestation });
  expect(group).toMatchObject({ enrollmentGroupId: "plant", provisioningStatus: "enabled" });
  expect(JSON.stringify(group)).not.toContain('Key":"');
  const { json: secret } = await call("POST", "/enrollmentGroups/plant/attestationmechanism");
  expect(secret.symmetricKey.primaryKey).toMatch(/=$/);
  const { certificatePem: certificate } = await authority.issueDevice("reg1");
  const x509 = { clientCertificates: { primary: { certificate } } };
  const one = { attestation: { type: "x509", x509 }, deviceId: "dev9" };
  expect((await call("PUT", "/enrollments/reg1", one)).json).toMatchObject({ deviceId: "dev9" });
  const tpm = { attestation: { type: "tpm", tpm: {} } };
  expect((await call("PUT", "/enrollments/reg2", tpm)).json.Message).toContain("TPM");
  expect((await call("POST", "/enrollmentGroups/query", {})).json).toHaveLength(1);
  expect((await call("DELETE", "/enrollments/reg1")).status).toBe(204);
  expect((await call("GET", "/enrollments/reg1")).status).toBe(404);
  expect((await call("GET", "/hub")).json.idScope).toMatch(/^0ne/);
});

async function eventLines(of: FastifyInstance, query: string) {
  const headers = { authorization: token() };
  const { payload } = await of.inject({ url: `/events?${query}`, headers });
  return payload
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

test("events that are still there come as lines, of all devices or of one", async () => {
  for (const id of ["a", "b", "c"]) await call("PUT", `/devices/${id}`, {});
  const ids = (await eventLines(app, "after=1")).map((event) => event.deviceId);
  expect(ids).toEqual(["b", "c"]);
  const ofB = await eventLines(app, "deviceId=b");
  expect(ofB).toMatchObject([{ deviceId: "b", source: "deviceLifecycleEvents" }]);
  expect((await call("GET", "/events?after=-1")).status).toBe(400);
});

test("a throttled service is told when to come again; the rows of a query cost no twin reads", async () => {
  await app.close();
  hub.close();
  hub = new Hub({ environment: nodeEnvironment, hostName: "localhost", enforceThrottles: true });
  app = createApi({ hub, hostName: "localhost", tls: { key: keyPem, cert: certificatePem } });
  for (let index = 0; index < 15; index++) await call("PUT", `/devices/d${index}`, {});
  const query = () => call("POST", "/devices/query", { query: "SELECT * FROM devices" });
  for (let index = 0; index < 20; index++) expect((await query()).json).toHaveLength(15);
  const refused = await query();
  expect(refused.status).toBe(429);
  expect(refused.json.Message).toContain("ErrorCode:ThrottlingException;");
  expect(Number(refused.headers["retry-after"])).toBeGreaterThan(0);
});

test("a reader is told how many events the ring has dropped", async () => {
  await app.close();
  hub.close();
  hub = new Hub({ environment: nodeEnvironment, hostName: "localhost", eventsMax: 2 });
  app = createApi({ hub, hostName: "localhost", tls: { key: keyPem, cert: certificatePem } });
  for (const id of ["a", "b", "c", "d", "e"]) await call("PUT", `/devices/${id}`, {});
  const [first, ...others] = await eventLines(app, "after=1");
  expect(first).toEqual({ lost: 2 });
  expect(others.map((event) => event.deviceId)).toEqual(["d", "e"]);
});

test("faults: unknown verbs, senseless figures and unknown devices are refused", async () => {
  await call("PUT", "/devices/dev1", {});
  const fault = (verb: string, body: object) => call("POST", `/faults/${verb}`, body);
  expect((await fault("drop", { deviceId: "dev1" })).json).toMatchObject({ connections: 0 });
  expect((await fault("explode", {})).json.Message).toContain("only drop, expire");
  expect((await fault("constructor", {})).status).toBe(400);
  expect((await fault("refuse", { returnCode: 1 })).status).toBe(400);
  expect((await fault("throttle", { durationS: -1 })).status).toBe(400);
  expect((await fault("drop", { deviceId: "nobody" })).status).toBe(404);
  expect((await fault("throttle", { deviceId: "dev1", durationS: 60 })).status).toBe(200);
  expect((await call("DELETE", "/faults")).status).toBe(204);
});

test("whatever body comes on whatever call, the answer is no server error", async () => {
  await call("PUT", "/devices/dev1", {});
  const field = fc.constantFrom(
    ..."deviceId status authentication type symmetricKey primaryKey tags properties desired query attestation x509 clientCertificates primary certificate iotHubs initialTwin methodName responseTimeoutInSeconds importMode id durationS payload reprovisionPolicy capabilities".split(
      " ",
    ),
  );
  const leaf = fc.oneof(fc.string(), fc.integer(), fc.double(), fc.boolean(), fc.constant(null));
  const { body } = fc.letrec((tie) => ({
    body: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc.array(tie("body"), { maxLength: 3 }),
      fc.dictionary(field, tie("body"), { maxKeys: 5 }),
    ),
  }));
  const target = fc.constantFrom(
    ["PUT", "/devices/dev1"] as const,
    ["PUT", "/devices/dev2"] as const,
    ["POST", "/devices"] as const,
    ["POST", "/devices/query"] as const,
    ["PATCH", "/twins/dev1"] as const,
    ["PUT", "/twins/dev1"] as const,
    ["POST", "/twins/dev1/methods"] as const,
    ["PUT", "/enrollments/e1"] as const,
    ["PUT", "/enrollmentGroups/g1"] as const,
    ["POST", "/faults/drop"] as const,
    ["POST", "/devices/dev1/messages/deviceBound"] as const,
  );
  await fc.assert(
    fc.asyncProperty(target, body, async ([method, url], value) => {
      const { status } = await call(method, url, value ?? "");
      expect(status).toBeLessThan(500);
    }),
    { numRuns: 400, seed: 20261120 },
  );
});
