/** What a client has to know of an X.509 certificate (RFC 5280), from its DER. */
import { ascii, Der, hex, TAG } from "./der.ts";

export interface Certificate {
  readonly der: Uint8Array;
  /** The signed part. */
  readonly tbs: Uint8Array;
  /** Signature algorithm, contents of the object identifier in hexadecimal. */
  readonly algorithm: string;
  readonly signature: Uint8Array;
  /** Names, DER. */
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  readonly fromMs: number;
  readonly toMs: number;
  /** Names of the server: host names in lower case, IPv4 addresses. */
  readonly hosts: string[];
  readonly addresses: string[];
  isCa: boolean;
  /** How many more CAs may stand between it and a server. */
  pathLength: number;
  /** Key usage allows to sign certificates, and to be a TLS server; true where nothing is said. */
  maySign: boolean;
  mayServe: boolean;
  /** Key identifier of the issuer. */
  issuerKeyId: Uint8Array | undefined;
  /** An extension that must be understood and is not; undefined = none. */
  unknown: string | undefined;
}

/** `id-ce` extensions (RFC 5280 §4.2.1), by the last byte of 2.5.29.n. */
const EXTENSION = {
  keyUsage: "551d0f",
  alternativeName: "551d11",
  basicConstraints: "551d13",
  nameConstraints: "551d1e",
  policies: "551d20",
  authorityKeyId: "551d23",
  extendedKeyUsage: "551d25",
};
const SERVER_AUTH = "2b06010505070301";
const ANY_USAGE = "551d2500";
/** Context tags. */
const VERSION = 0xa0;
const UNIQUE_IDS = [0x81, 0x82];
const EXTENSIONS = 0xa3;
const DNS_NAME = 0x82;
const IP_ADDRESS = 0x87;
const KEY_ID = 0x80;

/** @throws GodwitError `malformed` */
export function parseCertificate(der: Uint8Array): Certificate {
  const outer = new Der(der);
  const parts = outer.enter(TAG.sequence);
  outer.finish();
  const tbs = parts.whole();
  const algorithm = parts.whole();
  const signature = bits(parts.enter(TAG.bitString));
  parts.finish();

  const fields = new Der(tbs).enter(TAG.sequence);
  fields.optional(VERSION);
  fields.enter(TAG.integer);
  // Said twice (§4.1.1.2): whoever signs one and names another is not to be guessed after.
  if (hex(fields.whole()) !== hex(algorithm)) throw fields.malformed("two signature algorithms");
  const issuer = fields.whole();
  const validity = fields.enter(TAG.sequence);
  const fromMs = time(validity);
  const toMs = time(validity);
  const subject = fields.whole();
  fields.enter(TAG.sequence);
  for (const tag of UNIQUE_IDS) fields.optional(tag);
  const certificate: Certificate = {
    der,
    tbs,
    algorithm: hex(new Der(algorithm).enter(TAG.sequence).enter(TAG.oid).rest()),
    signature,
    issuer,
    subject,
    fromMs,
    toMs,
    hosts: [],
    addresses: [],
    isCa: false,
    pathLength: Number.POSITIVE_INFINITY,
    maySign: true,
    mayServe: true,
    issuerKeyId: undefined,
    unknown: undefined,
  };
  const extensions = fields.optional(EXTENSIONS)?.enter(TAG.sequence);
  while (extensions && !extensions.isEmpty) extend(certificate, extensions.enter(TAG.sequence));
  fields.finish();
  return certificate;
}

function extend(certificate: Certificate, extension: Der): void {
  const id = hex(extension.enter(TAG.oid).rest());
  const isCritical = (extension.optional(TAG.boolean)?.rest()[0] ?? 0) !== 0;
  const value = new Der(extension.enter(TAG.octetString).rest());
  switch (id) {
    case EXTENSION.keyUsage:
      certificate.maySign = ((bits(value.enter(TAG.bitString))[0] ?? 0) & 0x04) !== 0;
      break;
    case EXTENSION.alternativeName:
      names(certificate, value.enter(TAG.sequence));
      break;
    case EXTENSION.basicConstraints: {
      const body = value.enter(TAG.sequence);
      certificate.isCa = (body.optional(TAG.boolean)?.rest()[0] ?? 0) !== 0;
      const length = body.optional(TAG.integer)?.rest();
      if (length) certificate.pathLength = length.length === 1 ? length[0]! : 0;
      break;
    }
    case EXTENSION.authorityKeyId:
      certificate.issuerKeyId = value.enter(TAG.sequence).optional(KEY_ID)?.rest();
      break;
    case EXTENSION.extendedKeyUsage: {
      const usages = value.enter(TAG.sequence);
      certificate.mayServe = false;
      while (!usages.isEmpty) {
        const usage = hex(usages.enter(TAG.oid).rest());
        if (usage === SERVER_AUTH || usage === ANY_USAGE) certificate.mayServe = true;
      }
      break;
    }
    case EXTENSION.policies:
      break;
    default:
      // Name constraints restrict whether they are marked critical or not: not judged here, so refused.
      if (isCritical || id === EXTENSION.nameConstraints) certificate.unknown = id;
  }
}

function names(certificate: Certificate, list: Der): void {
  while (!list.isEmpty) {
    const { tag } = list;
    const value = list.enter(tag).rest();
    if (tag === DNS_NAME) certificate.hosts.push(ascii(value).toLowerCase());
    if (tag === IP_ADDRESS && value.length === 4) certificate.addresses.push(value.join("."));
  }
}

/** A BIT STRING's bytes, without the count of unused bits. */
function bits(body: Der): Uint8Array {
  const bytes = body.rest();
  if (bytes.length === 0 || bytes[0]! > 7) throw body.malformed("no bit string");
  return bytes.subarray(1);
}

/** UTCTime or GeneralizedTime (RFC 5280 §4.1.2.5): whole seconds, always in Z. */
function time(from: Der): number {
  const isShort = from.tag === TAG.utcTime;
  const body = from.enter(isShort ? TAG.utcTime : TAG.generalizedTime);
  const text = ascii(body.rest());
  if (!(isShort ? /^\d{12}Z$/ : /^\d{14}Z$/).test(text)) throw body.malformed("no time");
  const digits = isShort ? (text < "5" ? "20" : "19") + text : text;
  const part = (at: number) => Number(digits.slice(at, at + 2));
  const year = Number(digits.slice(0, 4));
  return Date.UTC(year, part(4) - 1, part(6), part(8), part(10), part(12));
}
