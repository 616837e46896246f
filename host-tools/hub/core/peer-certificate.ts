// What a client's X.509 certificate proves: thumbprints, names, dates, issuer (RFC 5280).
import { X509Certificate } from "node:crypto";
import { HubError } from "./hub-error.ts";

/** Certificates a client may send: a bound against hostile chains. */
const CHAIN_MAX = 8;

export class PeerCertificate {
  readonly #leaf: X509Certificate;
  readonly #chain: readonly X509Certificate[];

  /** @throws HubError 401002 when the DER cannot be read. `issuers`: what else the client sent. */
  constructor(leafDer: Uint8Array, issuers: readonly Uint8Array[] = []) {
    this.#leaf = readCertificate(leafDer);
    this.#chain = issuers.slice(0, CHAIN_MAX).map(readCertificate);
  }

  /** Subject common name, or "". */
  get commonName(): string {
    return /(?:^|\n)CN=([^\n]*)/.exec(this.#leaf.subject)?.[1] ?? "";
  }

  /** SHA-1, upper-case hex. */
  get thumbprint(): string {
    return plain(this.#leaf.fingerprint);
  }

  get thumbprint256(): string {
    return plain(this.#leaf.fingerprint256);
  }

  hasThumbprint(thumbprint: string | null): boolean {
    return thumbprint === this.thumbprint || thumbprint === this.thumbprint256;
  }

  isSame(certificate: string | Uint8Array): boolean {
    return readCertificate(certificate).fingerprint256 === this.#leaf.fingerprint256;
  }

  /** @throws HubError 401002 outside of the certificate's dates. */
  checkDates(nowMs: number): void {
    const fromMs = Date.parse(this.#leaf.validFrom);
    const toMs = Date.parse(this.#leaf.validTo);
    if (nowMs < fromMs) {
      throw new HubError(
        401002,
        `the client certificate is valid from ${new Date(fromMs).toISOString()} on`,
      );
    }
    if (nowMs > toMs) {
      const day = new Date(toMs).toISOString();
      throw new HubError(401002, `the client certificate expired at ${day}`);
    }
  }

  /** True if `authority` (PEM or DER) signed the leaf, directly or through what the client sent. */
  isIssuedBy(authority: string | Uint8Array): boolean {
    const root = readCertificate(authority);
    let current = this.#leaf;
    for (let step = 0; step <= CHAIN_MAX; step += 1) {
      if (current.checkIssued(root) && current.verify(root.publicKey)) return true;
      const issuer = this.#chain.find(
        (candidate) =>
          candidate.fingerprint256 !== current.fingerprint256 &&
          candidate.ca &&
          current.checkIssued(candidate) &&
          current.verify(candidate.publicKey),
      );
      if (issuer === undefined) return false;
      current = issuer;
    }
    return false;
  }
}

/** @throws HubError 401002. */
export function readCertificate(certificate: string | Uint8Array): X509Certificate {
  try {
    return new X509Certificate(certificate);
  } catch (cause) {
    throw new HubError(401002, "the certificate cannot be read", { cause });
  }
}

function plain(fingerprint: string): string {
  return fingerprint.replaceAll(":", "");
}
