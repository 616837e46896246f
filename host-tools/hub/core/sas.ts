// Checks of shared access signatures with an explanation (IoT Hub docs "Control access with SAS").
import { createHash, timingSafeEqual } from "node:crypto";
import { sasSignature } from "../../../firmware/connection/sas.ts";
import { type ParsedSas, parseSas } from "../../../firmware/connection/sas-parse.ts";
import type { Digest, Hash } from "../../../firmware/ports/digest.ts";
import { HubError } from "./hub-error.ts";

/** The firmware's digest port on Node. */
export const nodeDigest: Digest = {
  sha256(): Hash {
    const hash = createHash("sha256");
    const port: Hash = {
      update(bytes) {
        hash.update(bytes);
        return port;
      },
      finish: () => new Uint8Array(hash.digest()),
    };
    return port;
  },
};

/** @throws HubError 401002 naming the part of the token that is wrong. */
export function readSas(token: string): ParsedSas {
  try {
    return parseSas(token);
  } catch (cause) {
    throw new HubError(401002, (cause as Error).message, { cause });
  }
}

export interface SasCheck {
  /** Candidate keys, base64. */
  keys: readonly string[];
  nowMs: number;
  /** Whose keys these are, for the explanation: `device "dev1"`. */
  owner: string;
}

/** Checks signature, then expiry. @throws HubError 401002 (wrong key) or 401003 (expired). */
export function checkSas(token: ParsedSas, check: SasCheck): void {
  if (!check.keys.some((key) => isSignedWith(token, Buffer.from(key, "base64"), token.sr))) {
    throw new HubError(401002, explainSignature(token, check));
  }
  const lateS = Math.floor(check.nowMs / 1000) - token.expiryS;
  if (lateS >= 0) throw new HubError(401003, explainExpiry(token.expiryS, lateS, check.nowMs));
}

/** The usual ways to sign wrongly, recognised by trying them. */
function explainSignature(token: ParsedSas, { keys, owner }: SasCheck): string {
  for (const key of keys) {
    const bytes = Buffer.from(key, "base64");
    if (token.resource !== token.sr && isSignedWith(token, bytes, token.resource)) {
      return "the signature was made over the decoded resource; sign sr exactly as it is sent";
    }
    if (isSignedWith(token, Buffer.from(key), token.sr)) {
      return "the signature was made with the base64 text of the key; decode the key first";
    }
  }
  return `the signature fits neither the primary nor the secondary key of ${owner}: wrong key`;
}

function explainExpiry(expiryS: number, lateS: number, nowMs: number): string {
  const hubTime = new Date(nowMs).toISOString();
  if (expiryS < 1_000_000_000) {
    const year = new Date(expiryS * 1000).getUTCFullYear();
    return `the token expires in ${year}: the device's clock was never set (the hub's says ${hubTime})`;
  }
  return `the token expired ${lateS} s ago (the hub's clock says ${hubTime}; the device's may be behind)`;
}

function isSignedWith(token: ParsedSas, key: Uint8Array, resource: string): boolean {
  const expected = Buffer.from(sasSignature(nodeDigest, key, resource, token.se), "base64");
  const signature = Buffer.from(token.sig, "base64");
  return expected.length === signature.length && timingSafeEqual(expected, signature);
}
