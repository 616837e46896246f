// PEM text and DER bytes (RFC 7468), and the thumbprints IoT Hub knows certificates by.
import { createHash } from "node:crypto";

const lineLength = 64;
const longestPem = 64 * 1024;

/** Puts an armour around DER bytes. */
export function derToPem(der: Uint8Array, label: string): string {
  const text = Buffer.from(der.buffer, der.byteOffset, der.byteLength).toString("base64");
  const lines = text.match(new RegExp(`.{1,${lineLength}}`, "g")) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

/** All blocks of one label in a PEM text, in order; an empty list when there is none. */
export function pemToDer(text: string, label: string): Uint8Array[] {
  if (text.length > longestPem) return [];
  const blocks: Uint8Array[] = [];
  for (const part of text.split(`-----BEGIN ${label}-----`).slice(1)) {
    const end = part.indexOf(`-----END ${label}-----`);
    const body = end < 0 ? "" : part.slice(0, end).replace(/\s+/g, "");
    if (!/^[A-Za-z0-9+/]+={0,2}$/.test(body)) return [];
    blocks.push(new Uint8Array(Buffer.from(body, "base64")));
  }
  return blocks;
}

/** Upper-case hexadecimal thumbprint of a certificate, as IoT Hub stores it. */
export function thumbprint(der: Uint8Array, hash: "sha1" | "sha256" = "sha256"): string {
  return createHash(hash).update(der).digest("hex").toUpperCase();
}
