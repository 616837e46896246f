/** Shared access signatures (Azure docs "Control access to IoT Hub using SAS", DPS "Symmetric key attestation"). */
import { decodeBase64, encodeBase64 } from "../codec/base64.ts";
import { hmacSha256 } from "../codec/hmac.ts";
import { encodePercent } from "../codec/percent.ts";
import { encodeUtf8 } from "../codec/utf8.ts";
import type { Digest } from "../ports/digest.ts";

/** Policy name in every token for the provisioning service. */
export const DPS_POLICY = "registration";

/**
 * Base64 signature over a resource exactly as it stands in the token (a verifier passes the raw `sr`) and
 * the expiry, in Unix seconds. `key` is the decoded key.
 */
export function sasSignature(digest: Digest, key: Uint8Array, sr: string, se: string): string {
  return encodeBase64(hmacSha256(digest, key, encodeUtf8(`${sr}\n${se}`)));
}

/** A token for `resource`, valid until `expiryS` (Unix seconds); `policy` only where a shared policy signs. */
export function signSas(
  digest: Digest,
  key: Uint8Array,
  resource: string,
  expiryS: number,
  policy?: string,
): string {
  const sr = encodePercent(resource);
  const sig = encodePercent(sasSignature(digest, key, sr, `${expiryS}`));
  const skn = policy ? `&skn=${policy}` : "";
  return `SharedAccessSignature sr=${sr}&sig=${sig}&se=${expiryS}${skn}`;
}

/**
 * The key of one device of an enrollment group, base64 as the group's. For hosts: a group key never
 * belongs on a device, because it is the key of every device of the group.
 */
export function deriveDeviceKey(digest: Digest, groupKey: string, registrationId: string): string {
  return encodeBase64(
    hmacSha256(digest, decodeBase64(groupKey), encodeUtf8(registrationId.toLowerCase())),
  );
}
