// The hub's development CA: created once in a folder, never replaced; issues server and device
// certificates. `ca-key.pem` holds key and certificate in one file, so that a half-written pair
// cannot exist; `ca.pem` is the public copy that clients are given.
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { existsSync, readFileSync, renameSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import { UserError } from "../../user-error.ts";
import {
  createCa,
  dayMs,
  type IssuedCertificate,
  type Issuer,
  issueEnd,
  loadIssuer,
} from "./certificates.ts";
import {
  createSecretFile,
  ensurePrivateFolder,
  fileError,
  replaceFile,
  tighten,
} from "./key-files.ts";
import { thumbprint } from "./pem.ts";

const caDays = 3650;
const serverDays = 365;
/** A server certificate with less life than this is replaced at start. */
const renewBeforeDays = 30;
const deviceDays = 365;
const caKeyName = "ca-key.pem";
const caName = "ca.pem";
const serverKeyName = "server-key.pem";
const alwaysServed = ["localhost", "127.0.0.1", "::1"];

export interface DeviceCertificate extends IssuedCertificate {
  readonly thumbprintSha1: string;
  readonly thumbprintSha256: string;
}

export interface Authority {
  /** File that clients trust (NODE_EXTRA_CA_CERTS). */
  readonly caFile: string;
  readonly caPem: string;
  /** The hub's own certificate for localhost and the given names; kept and renewed in the folder. */
  serverCertificate(names: readonly string[]): Promise<IssuedCertificate>;
  /** A client certificate whose common name is the device's or registration's id. */
  issueDevice(id: string, days?: number): Promise<DeviceCertificate>;
}

interface StoredPair {
  readonly certificate: X509Certificate;
  readonly certificatePem: string;
  readonly key: KeyObject;
  readonly keyPem: string;
}

function unusable(path: string, why: string, cause?: unknown): UserError {
  return new UserError(`${path} is not usable: ${why}`, {
    code: "ca-unusable",
    hint: "restore it from a copy, or: godwit hub --new-ca (devices must then be given the new ca.pem)",
    cause,
  });
}

/** Reads a key and its certificate from one PEM file. */
function readPair(path: string): StoredPair {
  const text = readFileSync(path, "utf8");
  try {
    const keyPem = /-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----\n?/.exec(text)?.[0];
    const certificatePem = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/.exec(
      text,
    )?.[0];
    if (!keyPem || !certificatePem) throw new Error("key or certificate is missing");
    const certificate = new X509Certificate(certificatePem);
    const key = createPrivateKey(keyPem);
    if (!certificate.checkPrivateKey(key))
      throw new Error("key and certificate do not belong together");
    return { certificate, certificatePem, key, keyPem };
  } catch (error) {
    throw unusable(path, error instanceof Error ? error.message : String(error), error);
  }
}

function endMs(certificate: X509Certificate): number {
  return Date.parse(certificate.validTo);
}

/** The certificate in a PEM text; undefined for anything else, a half-written file for example. */
function certificateIn(text: string): X509Certificate | undefined {
  try {
    return new X509Certificate(text);
  } catch {
    return undefined;
  }
}

/** Devices trust one CA for years: another one in its place would lock them out, so it is never taken silently. */
function checkSame(path: string, certificate: X509Certificate, other: string, whose: string): void {
  const known = certificateIn(other);
  if (known && !known.raw.equals(certificate.raw))
    throw unusable(path, `it holds another CA than ${whose}`);
}

interface OpenCa extends AuthorityOptions {
  readonly keyFile: string;
  readonly caFile: string;
  readonly nowMs: number;
}

/** Makes the CA on first use; whoever comes second, also in another process, uses the first one's. */
async function openCa(options: OpenCa): Promise<StoredPair> {
  const { keyFile: path, caFile, nowMs, knownCaPem } = options;
  // Looked at before the key: another process writes it after the key.
  const published = existsSync(caFile) ? readFileSync(caFile, "utf8") : undefined;
  if (!existsSync(path)) {
    const known = knownCaPem !== undefined || published !== undefined;
    if (known) throw unusable(path, "it is missing, but devices trust its CA already");
    const made = await createCa("godwit development CA", nowMs, caDays);
    createSecretFile(path, made.keyPem + made.certificatePem);
  }
  tighten(path);
  const pair = readPair(path);
  if (!pair.certificate.ca) throw unusable(path, "the certificate is no CA");
  if (endMs(pair.certificate) <= nowMs)
    throw unusable(path, `the CA ended on ${pair.certificate.validTo}`);
  checkSame(path, pair.certificate, published ?? "", `${caFile}, which devices were given`);
  checkSame(path, pair.certificate, knownCaPem ?? "", "the one that this hub's store knows");
  return pair;
}

function serves(certificate: X509Certificate, name: string): boolean {
  const served = isIP(name) ? certificate.checkIP(name) : certificate.checkHost(name);
  return served !== undefined;
}

class FileAuthority implements Authority {
  readonly caFile: string;
  readonly caPem: string;
  readonly #folder: string;
  readonly #ca: StoredPair;
  readonly #issuer: Issuer;
  readonly #nowMs: () => number;

  constructor(folder: string, ca: StoredPair, issuer: Issuer, nowMs: () => number) {
    this.#folder = folder;
    this.#ca = ca;
    this.#issuer = issuer;
    this.#nowMs = nowMs;
    this.caFile = join(folder, caName);
    this.caPem = ca.certificatePem;
  }

  async serverCertificate(extraNames: readonly string[]): Promise<IssuedCertificate> {
    const names = [...new Set([...alwaysServed, ...extraNames])];
    const path = join(this.#folder, serverKeyName);
    const kept = existsSync(path) ? this.#keptServer(path, names) : undefined;
    if (kept) return kept;
    const made = await issueEnd(this.#issuer, {
      commonName: extraNames[0] ?? "localhost",
      purpose: "server",
      names,
      nowMs: this.#nowMs(),
      days: serverDays,
    });
    replaceFile(path, made.keyPem + made.certificatePem, true);
    return made;
  }

  /** The certificate of an earlier run when it still fits. */
  #keptServer(path: string, names: readonly string[]): IssuedCertificate | undefined {
    tighten(path);
    let pair: StoredPair;
    try {
      pair = readPair(path);
    } catch (error) {
      // Nobody keeps a copy of it: clients trust the CA, which signs another.
      if (error instanceof UserError) return undefined;
      throw error;
    }
    const { certificate, certificatePem, key, keyPem } = pair;
    const fresh = endMs(certificate) - this.#nowMs() > renewBeforeDays * dayMs;
    const ours = certificate.verify(this.#ca.certificate.publicKey);
    if (!fresh || !ours || !names.every((name) => serves(certificate, name))) return undefined;
    const keyDer = new Uint8Array(key.export({ type: "pkcs8", format: "der" }));
    return { certificatePem, certificateDer: new Uint8Array(certificate.raw), keyPem, keyDer };
  }

  async issueDevice(id: string, days: number = deviceDays): Promise<DeviceCertificate> {
    const nowMs = this.#nowMs();
    const made = await issueEnd(this.#issuer, { commonName: id, purpose: "client", nowMs, days });
    return {
      ...made,
      thumbprintSha1: thumbprint(made.certificateDer, "sha1"),
      thumbprintSha256: thumbprint(made.certificateDer, "sha256"),
    };
  }
}

export interface AuthorityOptions {
  /** The CA that is expected, where somebody remembers: it is not replaced by another. */
  readonly knownCaPem?: string | undefined;
  /** Puts the old files aside and makes a new CA. */
  readonly replaceCa?: boolean;
}

/** Names of the files put aside end with the time, so that nothing is lost however often it is done. */
function putAside(folder: string, nowMs: number): void {
  const stamp = new Date(nowMs).toISOString().replace(/[-:]|\.\d+/g, "");
  for (const name of [caKeyName, caName, serverKeyName]) {
    const path = join(folder, name);
    if (existsSync(path)) renameSync(path, `${path}.${stamp}.old`);
  }
}

async function open(
  folder: string,
  nowMs: () => number,
  options: AuthorityOptions,
): Promise<Authority> {
  ensurePrivateFolder(folder);
  if (options.replaceCa) putAside(folder, nowMs());
  const [keyFile, caFile] = [join(folder, caKeyName), join(folder, caName)];
  const knownCaPem = options.replaceCa ? undefined : options.knownCaPem;
  const ca = await openCa({ keyFile, caFile, knownCaPem, nowMs: nowMs() });
  const issuer = await loadIssuer(ca.certificatePem, ca.key).catch((error: Error) => {
    throw unusable(keyFile, `no EC P-256 key: ${error.message}`, error);
  });
  const authority = new FileAuthority(folder, ca, issuer, nowMs);
  const published = existsSync(caFile) ? readFileSync(caFile, "utf8") : "";
  if (published !== ca.certificatePem) replaceFile(caFile, ca.certificatePem, false);
  return authority;
}

/**
 * Opens the CA of a folder, creating folder and CA on first use.
 * @throws UserError `ca-unusable` when the files are damaged, missing in part, mismatched or expired;
 * `data-io` (exit 7) when the system refuses.
 */
export async function openAuthority(
  folder: string,
  nowMs: () => number = Date.now,
  options: AuthorityOptions = {},
): Promise<Authority> {
  try {
    return await open(folder, nowMs, options);
  } catch (error) {
    throw fileError(folder, error);
  }
}
