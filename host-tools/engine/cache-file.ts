// Files that prove themselves: a SHA-256 in front of the content, written beside and renamed into place.
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

const digestBytes = 32;

/** The content, or undefined when the file is missing, half-written or damaged. */
export function readCacheFile(path: string): Uint8Array | undefined {
  let file: Buffer;
  try {
    file = readFileSync(path);
  } catch {
    return undefined;
  }
  const body = file.subarray(digestBytes);
  const digest = createHash("sha256").update(body).digest();
  return digest.equals(file.subarray(0, digestBytes)) ? new Uint8Array(body) : undefined;
}

export function writeCacheFile(path: string, body: Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}-${randomBytes(4).toString("hex")}`;
  const digest = createHash("sha256").update(body).digest();
  try {
    writeFileSync(temporary, Buffer.concat([digest, body]));
    renameSync(temporary, path);
  } finally {
    rmSync(temporary, { force: true });
  }
}
