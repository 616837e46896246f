/** The TLS gate of boards: certificates are judged by our rules, over the SDK's signature checks and root store. */

import Resource from "Resource";
import { Digest } from "crypt";
import ECDSA from "ecdsa";
import PKCS1_5 from "pkcs1_5";
import X509 from "x509";
import type { Certificate } from "../tls/certificate.ts";
import { verifyChain } from "../tls/chain.ts";
import { HandshakeGate, isEcdsaValue } from "../tls/handshake-gate.ts";
import { gateReads } from "./gated-read.ts";
import type { TcpUnderTls } from "./guarded-tcp.ts";

/** Signature algorithms that are believed (RFC 8017 §A.2.4, RFC 5758 §3.2); SHA-1 and MD5 are not among them. */
const RSA_HASH: Readonly<Record<string, string>> = {
  "2a864886f70d01010b": "SHA256",
  "2a864886f70d01010c": "SHA384",
  "2a864886f70d01010d": "SHA512",
};
const ECDSA_HASH: Readonly<Record<string, string>> = {
  "2a8648ce3d040302": "SHA256",
  "2a8648ce3d040303": "SHA384",
  "2a8648ce3d040304": "SHA512",
};
/** A small exponent lets signatures be forged where padding is read leniently. */
const RSA_EXPONENT_MIN = 65_537n;
const RSA_BYTES_MIN = 256;
/** Key identifiers of the SDK's roots, one after the other, in the order of their files. */
const STORE_INDEX = "ca.ski";
const KEY_ID_BYTES = 20;

/** The gate for one connection. No roots: those of the SDK's store. */
export function newHandshakeGate(
  host: string,
  roots: readonly Uint8Array[],
): (tcp: TcpUnderTls) => void {
  const gate = new HandshakeGate((chain) =>
    verifyChain(chain, {
      host,
      nowMs: Date.now(),
      rootsFor: (certificate) => (roots.length > 0 ? roots : storedRoots(certificate)),
      isSignedBy,
    }),
  );
  return (tcp) => gateReads(tcp, gate);
}

function isSignedBy(certificate: Certificate, issuer: Certificate): boolean {
  const { algorithm, signature, tbs } = certificate;
  const rsaHash = RSA_HASH[algorithm];
  const hash = rsaHash ?? ECDSA_HASH[algorithm];
  if (hash === undefined) return false;
  const key = X509.decodeSPKI(issuer.der);
  const digesting = new Digest(hash);
  digesting.write(tbs);
  const digest = digesting.close();
  if (rsaHash === undefined) {
    if (!key.curve || !key.pub || !isEcdsaValue(signature)) return false;
    return new ECDSA(key.pub, key.curve).verify(digest, signature, true);
  }
  if (key.exponent === undefined || key.exponent < RSA_EXPONENT_MIN) return false;
  if (signature.length < RSA_BYTES_MIN) return false;
  return new PKCS1_5(key, false, []).verify(digest, signature);
}

/** The root of the SDK's own store that a certificate says it comes from. */
function storedRoots({ issuerKeyId }: Certificate): readonly Uint8Array[] {
  if (!issuerKeyId || issuerKeyId.length !== KEY_ID_BYTES) return [];
  const index = new Uint8Array(new Resource(STORE_INDEX).slice(0));
  for (let at = 0; at + KEY_ID_BYTES <= index.length; at += KEY_ID_BYTES) {
    if (issuerKeyId.every((byte, i) => byte === index[at + i]))
      return [new Uint8Array(new Resource(`ca${at / KEY_ID_BYTES}.der`).slice(0))];
  }
  return [];
}
