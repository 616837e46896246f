// Certificates of the development CA (RFC 5280): EC P-256, SHA-256.
import "./reflect.ts";
import { type KeyObject, randomBytes, webcrypto } from "node:crypto";
import { isIP } from "node:net";
import * as x509 from "@peculiar/x509";
import { derToPem } from "./pem.ts";

export const dayMs = 24 * 60 * 60 * 1000;
/** Certificates begin a day early: a client's clock may lag behind ours. */
const backdateMs = dayMs;
const keyAlgorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

export interface IssuedCertificate {
  readonly certificatePem: string;
  readonly certificateDer: Uint8Array;
  /** PKCS #8. */
  readonly keyPem: string;
  readonly keyDer: Uint8Array;
}

export interface Issuer {
  readonly name: string;
  readonly certificate: x509.X509Certificate;
  readonly key: webcrypto.CryptoKey;
}

x509.cryptoProvider.set(webcrypto as unknown as Crypto);

function validity(nowMs: number, days: number, notAfterMs = Number.POSITIVE_INFINITY) {
  const endMs = Math.min(nowMs + days * dayMs, notAfterMs);
  return { notBefore: new Date(nowMs - backdateMs), notAfter: new Date(endMs) };
}

/** Positive and at most 16 bytes, as RFC 5280 §4.1.2.2 wants it. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x3f) | 0x40;
  return bytes.toString("hex");
}

/** A subject of one common name; quoting is left to the library. */
function commonName(name: string): x509.Name {
  return new x509.Name([{ CN: [name] }]);
}

async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  const usages: webcrypto.KeyUsage[] = ["sign", "verify"];
  return (await webcrypto.subtle.generateKey(
    keyAlgorithm,
    true,
    usages,
  )) as webcrypto.CryptoKeyPair;
}

async function issued(
  certificate: x509.X509Certificate,
  key: webcrypto.CryptoKey,
): Promise<IssuedCertificate> {
  const keyDer = new Uint8Array(await webcrypto.subtle.exportKey("pkcs8", key));
  const certificateDer = new Uint8Array(certificate.rawData);
  return {
    certificateDer,
    certificatePem: derToPem(certificateDer, "CERTIFICATE"),
    keyDer,
    keyPem: derToPem(keyDer, "PRIVATE KEY"),
  };
}

/** Makes a self-signed CA that may sign end certificates only (path length 0). */
export async function createCa(name: string, nowMs: number, days: number) {
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: commonName(name).toString(),
    ...validity(nowMs, days),
    keys,
    signingAlgorithm: keyAlgorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      // Its own key once more, as the issuer's: the TLS client of boards looks roots up by this.
      await x509.AuthorityKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return issued(certificate, keys.privateKey);
}

/** Turns PEM parts back into something that signs. */
export async function loadIssuer(certificatePem: string, key: KeyObject): Promise<Issuer> {
  const certificate = new x509.X509Certificate(certificatePem);
  const der = key.export({ type: "pkcs8", format: "der" });
  const signing = await webcrypto.subtle.importKey("pkcs8", der, keyAlgorithm, false, ["sign"]);
  return { name: certificate.subject, certificate, key: signing };
}

export interface EndCertificateRequest {
  readonly commonName: string;
  readonly purpose: "server" | "client";
  /** DNS names and IP addresses of a server. */
  readonly names?: readonly string[];
  readonly nowMs: number;
  readonly days: number;
}

/** Signs a server's or a device's certificate with a fresh key. */
export async function issueEnd(
  issuer: Issuer,
  request: EndCertificateRequest,
): Promise<IssuedCertificate> {
  const keys = await generateKeys();
  const isServer = request.purpose === "server";
  const usage = isServer ? x509.ExtendedKeyUsage.serverAuth : x509.ExtendedKeyUsage.clientAuth;
  const extensions: x509.Extension[] = [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension([usage]),
    await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    await x509.AuthorityKeyIdentifierExtension.create(issuer.certificate.publicKey),
  ];
  if (request.names?.length) {
    const names = request.names.map(
      (value) => ({ type: isIP(value) ? "ip" : "dns", value }) as const,
    );
    extensions.push(new x509.SubjectAlternativeNameExtension(names));
  }
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: commonName(request.commonName).toString(),
    issuer: issuer.name,
    ...validity(request.nowMs, request.days, issuer.certificate.notAfter.getTime()),
    publicKey: keys.publicKey,
    signingKey: issuer.key,
    signingAlgorithm: keyAlgorithm,
    extensions,
  });
  return issued(certificate, keys.privateKey);
}
