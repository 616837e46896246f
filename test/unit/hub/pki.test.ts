// The development CA: created once, tight permissions, renewal, damage named.
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parseCertificate } from "../../../firmware/platform/tls/certificate.ts";
import { verifyChain } from "../../../firmware/platform/tls/chain.ts";
import { openAuthority } from "../../../host-tools/hub/pki/authority.ts";
import { dayMs } from "../../../host-tools/hub/pki/certificates.ts";
import { derToPem, pemToDer, thumbprint } from "../../../host-tools/hub/pki/pem.ts";

const startMs = Date.UTC(2026, 10, 20);
let parent: string;
let folder: string;

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "godwit-pki-"));
  folder = join(parent, "hub", "pki");
});
afterEach(() => rmSync(parent, { recursive: true }));

const at = (nowMs: number) => openAuthority(folder, () => nowMs);
const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);

test("files of a new CA are the owner's alone", async () => {
  const authority = await at(startMs);
  await authority.serverCertificate(["hub.local"]);
  expect(mode(folder)).toBe("700");
  expect(mode(join(folder, "ca-key.pem"))).toBe("600");
  expect(mode(join(folder, "server-key.pem"))).toBe("600");
  expect(readFileSync(authority.caFile, "utf8")).toBe(authority.caPem);
  expect(authority.caPem).not.toContain("PRIVATE");
});

test("boards trust the hub by its CA: the chain that is served, and the issuer's key named in both", async () => {
  const authority = await at(startMs);
  const { certificateDer } = await authority.serverCertificate(["my-hub.test"]);
  const ca = new Uint8Array(pemToDer(authority.caPem, "CERTIFICATE")[0]!);
  const ids = [certificateDer, ca].map((der) => parseCertificate(der).issuerKeyId);
  expect(ids[0]).toHaveLength(20);
  expect(ids[1]).toEqual(ids[0]);
  for (const host of ["localhost", "my-hub.test", "127.0.0.1"])
    verifyChain([certificateDer, ca], {
      ...{ host, nowMs: startMs, rootsFor: () => [ca] },
      isSignedBy: ({ der }, issuer) =>
        new X509Certificate(der).verify(new X509Certificate(issuer.der).publicKey),
    });
});

test("the CA outlives its opener, and ten openers at once get the same one", async () => {
  const all = await Promise.all(Array.from({ length: 10 }, () => at(startMs)));
  const again = await at(startMs + 100 * dayMs);
  expect(new Set([...all, again].map((authority) => authority.caPem)).size).toBe(1);
});

test("the server certificate serves localhost and the hub's name, and is signed by the CA", async () => {
  const authority = await at(startMs);
  const made = new X509Certificate(
    (await authority.serverCertificate(["my-hub.test"])).certificatePem,
  );
  const ca = new X509Certificate(authority.caPem);
  expect(made.verify(ca.publicKey) && made.checkIssued(ca)).toBe(true);
  expect(["localhost", "my-hub.test"].map((name) => made.checkHost(name))).not.toContain(undefined);
  expect(["127.0.0.1", "::1"].map((address) => made.checkIP(address))).not.toContain(undefined);
  expect(made.checkHost("elsewhere.test")).toBeUndefined();
  expect(made.ca).toBe(false);
});

test("the server certificate is kept, then renewed near its end or for a new name", async () => {
  const first = await (await at(startMs)).serverCertificate([]);
  const kept = await (await at(startMs + 300 * dayMs)).serverCertificate([]);
  const renewed = await (await at(startMs + 340 * dayMs)).serverCertificate([]);
  const named = await (await at(startMs + 340 * dayMs)).serverCertificate(["new.test"]);
  expect(kept.certificatePem).toBe(first.certificatePem);
  expect(Buffer.from(kept.keyDer).equals(Buffer.from(first.keyDer))).toBe(true);
  expect(renewed.certificatePem).not.toBe(first.certificatePem);
  expect(named.certificatePem).not.toBe(renewed.certificatePem);
});

test("a device certificate carries its id, for clients only", async () => {
  const authority = await at(startMs);
  const made = await authority.issueDevice("dev 1,CN=admin");
  const certificate = new X509Certificate(made.certificatePem);
  expect(certificate.toLegacyObject().subject.CN).toBe("dev 1,CN=admin");
  expect(certificate.keyUsage).toEqual(["1.3.6.1.5.5.7.3.2"]);
  expect(certificate.fingerprint.replaceAll(":", "")).toBe(made.thumbprintSha1);
  expect(certificate.fingerprint256.replaceAll(":", "")).toBe(made.thumbprintSha256);
});

test("open permissions are tightened again", async () => {
  await at(startMs);
  const { chmodSync } = await import("node:fs");
  chmodSync(join(folder, "ca-key.pem"), 0o644);
  await at(startMs);
  expect(mode(join(folder, "ca-key.pem"))).toBe("600");
});

test.each([
  ["empty", () => ""],
  ["garbage", () => "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"],
  ["cut off", (text: string) => text.slice(0, text.length - 40)],
  [
    "key of another",
    (text: string, other: string) =>
      other.split("-----BEGIN CERT")[0] + text.slice(text.indexOf("-----BEGIN CERT")),
  ],
])("a CA file that is %s is named and never replaced", async (_, damage) => {
  await at(startMs);
  const path = join(folder, "ca-key.pem");
  const other = await openAuthority(join(parent, "other"), () => startMs);
  const otherText = readFileSync(other.caFile.replace("ca.pem", "ca-key.pem"), "utf8");
  const damaged = damage(readFileSync(path, "utf8"), otherText);
  writeFileSync(path, damaged);
  await expect(at(startMs)).rejects.toMatchObject({ code: "ca-unusable", exitCode: 2 });
  expect(readFileSync(path, "utf8")).toBe(damaged);
});

test("a CA past its end is refused with a way out", async () => {
  await at(startMs);
  await expect(at(startMs + 3651 * dayMs)).rejects.toMatchObject({
    code: "ca-unusable",
    hint: expect.stringContaining("--new-ca"),
  });
});

test("PEM and DER turn into each other; thumbprints are upper-case hexadecimal", () => {
  const bytes = Uint8Array.from({ length: 200 }, (_, index) => index);
  const pem = derToPem(bytes, "THING");
  expect(pemToDer(pem + pem, "THING").map((der) => [...der])).toEqual([[...bytes], [...bytes]]);
  expect(pemToDer(pem, "OTHER")).toEqual([]);
  expect(pemToDer(pem.replace("AAEC", "*!"), "THING")).toEqual([]);
  expect(thumbprint(bytes, "sha1")).toMatch(/^[0-9A-F]{40}$/);
});
