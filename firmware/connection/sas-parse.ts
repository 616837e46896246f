/** The verifier's side of shared access signatures. Field order is free; `sr` stays raw, because it is what was signed. */
import { GodwitError } from "../codec/error.ts";
import { decodePercent } from "../codec/percent.ts";

export interface ParsedSas {
  /** Resource as sent, for the signature. */
  readonly sr: string;
  /** Resource decoded, for comparison. */
  readonly resource: string;
  /** Base64 signature, decoded from the URL encoding. */
  readonly sig: string;
  /** Expiry as sent, for the signature. */
  readonly se: string;
  readonly expiryS: number;
  readonly policy: string | undefined;
}

const SCHEME = "SharedAccessSignature ";
const TOKEN_LENGTH_MAX = 1024;

/** @throws GodwitError `malformed` naming the field at fault; the token itself is never quoted. */
export function parseSas(token: string): ParsedSas {
  if (!token.startsWith(SCHEME)) throw bad("does not begin with 'SharedAccessSignature '");
  if (token.length > TOKEN_LENGTH_MAX) throw bad(`longer than ${TOKEN_LENGTH_MAX} characters`);
  const fields = new Map<string, string>();
  for (const part of token.slice(SCHEME.length).split("&")) {
    const equals = part.indexOf("=");
    const name = equals < 0 ? part : part.slice(0, equals);
    if (!["sr", "sig", "se", "skn"].includes(name)) throw bad("has an unknown field");
    if (equals < 0) throw bad(`field ${name} has no value`);
    if (fields.has(name)) throw bad(`has two fields ${name}`);
    fields.set(name, part.slice(equals + 1));
  }
  const se = required(fields, "se");
  if (!/^\d{1,12}$/.test(se)) throw bad("field se is not a time in Unix seconds");
  const sr = required(fields, "sr");
  const skn = fields.get("skn");
  return {
    sr,
    resource: decodePercent(sr),
    sig: decodePercent(required(fields, "sig")),
    se,
    expiryS: Number(se),
    policy: skn ? decodePercent(skn) : undefined,
  };
}

function required(fields: Map<string, string>, name: string): string {
  const value = fields.get(name);
  if (!value) throw bad(`field ${name} is missing`);
  return value;
}

function bad(what: string): GodwitError {
  return new GodwitError("malformed", `shared access signature ${what}`);
}
