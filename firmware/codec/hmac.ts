// HMAC-SHA256 (RFC 2104) over the platform's SHA-256.
import type { Digest } from "../ports/digest.ts";

const BLOCK_BYTES = 64;

/** The 32 bytes that prove knowledge of `key` over `message`. */
export function hmacSha256(digest: Digest, key: Uint8Array, message: Uint8Array): Uint8Array {
  const pad = new Uint8Array(BLOCK_BYTES);
  pad.set(key.length > BLOCK_BYTES ? digest.sha256().update(key).finish() : key);
  for (let i = 0; i < BLOCK_BYTES; i++) pad[i]! ^= 0x36;
  const inner = digest.sha256().update(pad).update(message).finish();
  for (let i = 0; i < BLOCK_BYTES; i++) pad[i]! ^= 0x36 ^ 0x5c;
  const code = digest.sha256().update(pad).update(inner).finish();
  pad.fill(0);
  return code;
}
