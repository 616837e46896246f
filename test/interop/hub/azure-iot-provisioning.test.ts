// Microsoft's unmodified azure-iot-provisioning-device over MQTT against the hub's provisioning service.
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { deriveDeviceKey } from "../../../firmware/connection/sas.ts";
import { nodeDigest } from "../../../host-tools/hub/core/sas.ts";
import { type LoopbackHub, startLoopbackHub } from "../../support/hub-loopback.ts";

const script = fileURLToPath(new URL("./support/dps-client.mjs", import.meta.url));

let loopback: LoopbackHub;

beforeAll(async () => {
  loopback = await startLoopbackHub({ assigningPolls: 1 });
});

afterAll(() => loopback.close());

interface Outcome {
  result?: { registrationId: string; assignedHub: string; deviceId: string; payload?: unknown };
  error?: string;
}

async function register(about: object): Promise<Outcome> {
  const argument = JSON.stringify({
    host: loopback.host,
    idScope: loopback.hub.enrollments.idScope,
    ...about,
  });
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: loopback.authority.caFile };
  const { stdout } = await promisify(execFile)(process.execPath, [script, argument], { env });
  return JSON.parse(stdout.trim().split("\n").at(-1)!) as Outcome;
}

test.concurrent("an individual enrollment with a symmetric key: assigned, payload echoed, twin prepared", async () => {
  const { hub } = loopback;
  const { attestation } = hub.enrollments.putIndividual("Reg-1", {
    attestation: { type: "symmetricKey" },
    deviceId: "kitchen",
    initialTwin: { tags: { room: "kitchen" }, desired: { target: 20 } },
  });
  if (attestation.type !== "symmetricKey") throw new Error("no key");
  const payload = { modelId: "dtmi:com:ex:Thermo;1" };
  const key = attestation.symmetricKey.primaryKey;
  const { result } = await register({ registrationId: "Reg-1", key, payload });
  expect(result).toMatchObject({ assignedHub: loopback.host, deviceId: "kitchen", payload });
  const twin = hub.twins.read({ deviceId: "kitchen" });
  expect(twin.tags).toEqual({ room: "kitchen" });
  expect(twin.properties.desired).toMatchObject({ target: 20 });
});

test.concurrent("a group enrollment with a derived key; the group's own key is refused", async () => {
  const { hub } = loopback;
  const group = hub.enrollments.putGroup("fleet", { attestation: { type: "symmetricKey" } });
  if (group.attestation.type !== "symmetricKey") throw new Error("no key");
  const groupKey = group.attestation.symmetricKey.primaryKey;
  const key = deriveDeviceKey(nodeDigest, groupKey, "member-7");
  const [good, bad] = await Promise.all([
    register({ registrationId: "member-7", key }),
    register({ registrationId: "member-8", key: groupKey }),
  ]);
  expect(good.result).toMatchObject({ deviceId: "member-7", assignedHub: loopback.host });
  expect(bad.error).toMatch(/not authorized/i);
  const { authentication } = hub.registry.get({ deviceId: "member-7" });
  expect(authentication).toMatchObject({ symmetricKey: { primaryKey: key } });
});

/** Certificate and key of a device, in files as the client wants them. */
async function certificateOf(id: string): Promise<{ thumbprint: string; files: object }> {
  const { authority } = loopback;
  const certificate = await authority.issueDevice(id);
  const certFile = join(dirname(authority.caFile), `${id}.pem`);
  const keyFile = join(dirname(authority.caFile), `${id}.key`);
  writeFileSync(certFile, certificate.certificatePem);
  writeFileSync(keyFile, certificate.keyPem, { mode: 0o600 });
  return { thumbprint: certificate.thumbprintSha256, files: { certFile, keyFile } };
}

test.concurrent("an individual enrollment with X.509", async () => {
  const { hub } = loopback;
  const { thumbprint, files } = await certificateOf("leaf-1");
  hub.enrollments.putIndividual("leaf-1", {
    attestation: { type: "x509", thumbprints: [thumbprint] },
  });
  const { result } = await register({ registrationId: "leaf-1", ...files });
  expect(result).toMatchObject({ deviceId: "leaf-1", assignedHub: loopback.host });
  expect(hub.registry.get({ deviceId: "leaf-1" }).authentication).toMatchObject({
    x509Thumbprint: { primaryThumbprint: expect.stringMatching(/^[0-9A-F]{40}$/) },
  });
});

test.concurrent("a group enrollment with X.509: any certificate of the group's authority", async () => {
  const { hub, authority } = loopback;
  hub.enrollments.putGroup("signed", {
    attestation: { type: "x509", certificates: [authority.caPem] },
  });
  const { files } = await certificateOf("member-x");
  const { result } = await register({ registrationId: "member-x", ...files });
  expect(result).toMatchObject({ deviceId: "member-x", assignedHub: loopback.host });
  expect(hub.enrollments.registration("member-x")?.groupId).toBe("signed");
});
