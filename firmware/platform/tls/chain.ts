/** A server's certificate chain, judged as RFC 5280 §6 and RFC 6125 ask: path, dates, rights and name. */
import { GodwitError } from "../../codec/error.ts";
import { type Certificate, parseCertificate } from "./certificate.ts";

/** More CAs than this between a server and a root are refused. */
export const CHAIN_LENGTH_MAX = 6;

export interface Trust {
  /** The name that was asked for. */
  readonly host: string;
  readonly nowMs: number;
  /** Roots that may have issued a certificate, DER. */
  rootsFor(certificate: Certificate): readonly Uint8Array[];
  /** Whether the key of `issuer` made the signature of `certificate`. Weak algorithms: false. */
  isSignedBy(certificate: Certificate, issuer: Certificate): boolean;
}

/**
 * Follows the chain from the server's own certificate, link by link, to a trusted root. One bad link ends it:
 * no other order, no second path, no part of the chain is tried.
 * @throws GodwitError `credentials` (not trusted, and why), `malformed`.
 */
export function verifyChain(chain: readonly Uint8Array[], trust: Trust): void {
  const [first, ...issuers] = chain;
  if (!first) throw new GodwitError("credentials", "the server sent no certificate");
  if (issuers.length > CHAIN_LENGTH_MAX) refuse("chain is too long", trust);
  let current = parseCertificate(first);
  if (!isFor(current, trust.host)) refuse("names other hosts", trust);
  if (!current.mayServe) refuse("is not meant for servers", trust);
  checkOwn(current, trust);
  for (let depth = 0; ; depth++) {
    if (trust.rootsFor(current).some((root) => isRoot(current, root, depth, trust))) return;
    const next = issuers[depth];
    if (!next) refuse("comes from no trusted root", trust);
    const issuer = parseCertificate(next!);
    checkOwn(issuer, trust);
    if (!mayIssue(issuer, depth)) refuse("was issued by what is no CA", trust);
    if (!isIssuedBy(current, issuer, trust)) refuse("is not signed by its issuer", trust);
    current = issuer;
  }
}

function refuse(why: string, { host }: Trust): never {
  throw new GodwitError("credentials", `certificate for ${host} ${why}`);
}

function checkOwn(certificate: Certificate, trust: Trust): void {
  const { fromMs, toMs, unknown } = certificate;
  if (unknown !== undefined) refuse(`has the unknown extension ${unknown}`, trust);
  // Written so that an impossible date (NaN) is refused as well.
  if (!(fromMs <= trust.nowMs)) refuse("is not valid yet", trust);
  if (!(trust.nowMs <= toMs)) refuse("has expired", trust);
}

/** `depth`: how many CAs stand between it and the server already. */
function mayIssue({ isCa, maySign, pathLength }: Certificate, depth: number): boolean {
  return isCa && maySign && pathLength >= depth;
}

function isIssuedBy(certificate: Certificate, issuer: Certificate, trust: Trust): boolean {
  return isSame(certificate.issuer, issuer.subject) && trust.isSignedBy(certificate, issuer);
}

/** A root is trusted by being given: its own extensions are not judged, except that it must be a CA in its dates. */
function isRoot(certificate: Certificate, der: Uint8Array, depth: number, trust: Trust): boolean {
  const root = parseCertificate(der);
  const isValid = root.fromMs <= trust.nowMs && trust.nowMs <= root.toMs;
  return isValid && mayIssue(root, depth) && isIssuedBy(certificate, root, trust);
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** RFC 6125 §6.4: exact, or `*` as the whole first label; an address matches addresses only; never the common name. */
function isFor({ hosts, addresses }: Certificate, asked: string): boolean {
  if (/^[\d.]+$/.test(asked)) return addresses.includes(asked);
  const host = asked.toLowerCase();
  const dot = host.indexOf(".");
  return hosts.some((name) => {
    if (!name.startsWith("*.")) return name === host;
    return dot > 0 && name.indexOf(".", 2) > 0 && name.slice(1) === host.slice(dot);
  });
}
