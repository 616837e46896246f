// Certificates for tests of what a client may trust: any name, any issuer, any extension, right or wrong.
import "../../host-tools/hub/pki/reflect.ts";
import { webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";

x509.cryptoProvider.set(webcrypto as unknown as Crypto);

const ec = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const rsa = {
  ...{ name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
  publicExponent: Uint8Array.of(1, 0, 1),
};

export interface Issued {
  readonly der: Uint8Array;
  readonly pem: string;
  readonly keys: webcrypto.CryptoKeyPair;
  readonly certificate: x509.X509Certificate;
}

export interface Wish {
  readonly name: string;
  /** None: self-signed. */
  readonly issuer?: Issued;
  /** Signs in the issuer's place, under its name. */
  readonly forger?: Issued;
  /** True, or the path length of a CA; false: basic constraints that say no. */
  readonly ca?: boolean | number;
  readonly hosts?: readonly string[];
  readonly from?: Date;
  readonly to?: Date;
  /** None: a key of its own. */
  readonly keyOf?: Issued;
  readonly isRsa?: boolean;
  readonly modulusBits?: number;
  readonly hash?: string;
  /** Key usage. */
  readonly usage?: "digitalSignature" | "keyCertSign";
  readonly purposes?: readonly string[];
  readonly extension?: {
    readonly id: string;
    readonly isCritical: boolean;
    readonly value: number[];
  };
}

export async function issue(wish: Wish): Promise<Issued> {
  const {
    name,
    issuer,
    forger,
    ca,
    hosts,
    isRsa = false,
    modulusBits: modulusLength = 2048,
  } = wish;
  const keys = wish.keyOf?.keys ?? (await newKeys(isRsa, modulusLength));
  const signer = forger ?? issuer;
  const ownKey = signer ? signer.keys.privateKey : keys.privateKey;
  const hash = wish.hash ?? "SHA-256";
  const signingKey = ownKey.algorithm.name === rsa.name ? await withHash(ownKey, hash) : ownKey;
  const extensions: x509.Extension[] = [];
  if (wish.extension) {
    const { id, isCritical, value } = wish.extension;
    extensions.push(new x509.Extension(id, isCritical, Uint8Array.from(value)));
  }
  if (ca !== undefined)
    extensions.push(
      new x509.BasicConstraintsExtension(
        ca !== false,
        typeof ca === "number" ? ca : undefined,
        true,
      ),
    );
  if (hosts)
    extensions.push(
      new x509.SubjectAlternativeNameExtension(
        hosts.map((value) => ({ type: /^[\d.]+$/.test(value) ? "ip" : "dns", value }) as const),
      ),
    );
  if (wish.usage)
    extensions.push(new x509.KeyUsagesExtension(x509.KeyUsageFlags[wish.usage], true));
  if (wish.purposes) extensions.push(new x509.ExtendedKeyUsageExtension([...wish.purposes]));
  if (issuer)
    extensions.push(
      await x509.AuthorityKeyIdentifierExtension.create(issuer.certificate.publicKey),
    );
  const algorithm = { ...(signingKey.algorithm.name === ec.name ? ec : rsa) };
  const certificate = await x509.X509CertificateGenerator.create({
    subject: `CN=${name}`,
    issuer: issuer ? issuer.certificate.subject : `CN=${name}`,
    notBefore: wish.from ?? new Date("2026-01-01"),
    notAfter: wish.to ?? new Date("2028-01-01"),
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: { ...algorithm, hash },
    extensions,
  });
  return {
    ...{ keys, certificate, pem: `${certificate.toString("pem")}\n` },
    der: new Uint8Array(certificate.rawData),
  };
}

async function newKeys(isRsa: boolean, modulusLength: number): Promise<webcrypto.CryptoKeyPair> {
  const algorithm = isRsa ? { ...rsa, modulusLength } : ec;
  const usages: webcrypto.KeyUsage[] = ["sign", "verify"];
  return (await webcrypto.subtle.generateKey(algorithm, true, usages)) as webcrypto.CryptoKeyPair;
}

/** RSA keys carry their hash with them. */
async function withHash(key: webcrypto.CryptoKey, hash: string): Promise<webcrypto.CryptoKey> {
  const der = await webcrypto.subtle.exportKey("pkcs8", key);
  return webcrypto.subtle.importKey("pkcs8", der, { ...rsa, hash }, true, ["sign"]);
}

/** PKCS#8, PEM. */
export async function keyOf({ keys }: Issued): Promise<string> {
  const der = await webcrypto.subtle.exportKey("pkcs8", keys.privateKey);
  const text = Buffer.from(der).toString("base64");
  return `-----BEGIN PRIVATE KEY-----\n${text}\n-----END PRIVATE KEY-----\n`;
}
