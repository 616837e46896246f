// ESP application images (ESP-IDF "App Image Format"): parse, verify, patch, build.
import { createHash } from "node:crypto";
import { DeviceError } from "../../serial/error.ts";
import { shorten } from "../../shorten.ts";
import { hex } from "./regions.ts";
import type { EspTarget } from "./target.ts";
import { targetByChipId } from "./targets-table.ts";

export const imageMagic = 0xe9;
const headerBytes = 24;
const segmentsMax = 16;
const shaBytes = 32;
const descriptorMagic = 0xabcd5432;
const descriptorBytes = 256;
export const flashModeNames = ["qio", "qout", "dio", "dout"] as const;

export interface ImageSegment {
  readonly address: number;
  readonly offset: number;
  readonly size: number;
}

export interface AppDescriptor {
  readonly version: string;
  readonly project: string;
  readonly time: string;
  readonly date: string;
  readonly idfVersion: string;
  /** SHA-256 of the ELF file, hex. */
  readonly elfSha256: string;
}

export interface EspImage {
  readonly entry: number;
  readonly chipId: number;
  readonly flashMode: string;
  /** Nibbles as stored; names depend on the chip. */
  readonly flashFrequency: number;
  readonly flashSizeMegabytes: number;
  readonly segments: readonly ImageSegment[];
  /** Bytes of the image proper; a file may be longer (padding, signature). */
  readonly size: number;
  readonly hasSha256: boolean;
  readonly descriptor: AppDescriptor | undefined;
}

function bad(name: string, what: string): DeviceError {
  return new DeviceError("bad-image", `${name} is no valid ESP image: ${what}`, {
    hint: "build it again; give the .bin of the application, not the .elf",
  });
}

export function isEspImage(bytes: Uint8Array): boolean {
  return bytes[0] === imageMagic;
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * Bytes of the image that starts here, as its headers say; nothing is verified.
 * @throws DeviceError `bad-image` when the headers make no sense or it is cut off
 */
export function imageExtent(bytes: Uint8Array, name: string): number {
  if (bytes.length < headerBytes) throw bad(name, `only ${bytes.length} bytes, the header has 24`);
  const last = readSegments(bytes, name).at(-1)!;
  return paddedEnd(last.offset + last.size) + (bytes[23] === 1 ? shaBytes : 0);
}

/**
 * Reads and verifies an image: segments, checksum, digest.
 * @param name the file's name, for messages
 * @throws DeviceError `bad-image`: what is wrong and where
 */
export function parseImage(bytes: Uint8Array, name = "image"): EspImage {
  if (bytes.length < headerBytes) throw bad(name, `only ${bytes.length} bytes, the header has 24`);
  if (bytes[0] !== imageMagic) throw bad(name, `byte 0 is ${hex(bytes[0]!)} instead of 0xe9`);
  const data = view(bytes);
  const segments = readSegments(bytes, name);
  const last = segments.at(-1)!;
  const checksumAt = paddedEnd(last.offset + last.size) - 1;
  if (checksumAt >= bytes.length) throw bad(name, `cut off before the checksum at ${checksumAt}`);
  const checksum = segmentChecksum(bytes, segments);
  if (bytes[checksumAt] !== checksum) {
    throw bad(
      name,
      `checksum at ${hex(checksumAt)} is ${hex(bytes[checksumAt]!)}, not ${hex(checksum)}`,
    );
  }
  const hasSha256 = bytes[23] === 1;
  if (hasSha256) verifySha256(bytes, checksumAt + 1, name);
  return {
    entry: data.getUint32(4, true),
    chipId: data.getUint16(12, true),
    flashMode: flashModeNames[bytes[2]!] ?? `mode ${bytes[2]}`,
    flashFrequency: bytes[3]! & 0xf,
    flashSizeMegabytes: 2 ** (bytes[3]! >> 4),
    segments,
    size: checksumAt + 1 + (hasSha256 ? shaBytes : 0),
    hasSha256,
    descriptor: readDescriptor(bytes, segments[0]!),
  };
}

function readSegments(bytes: Uint8Array, name: string): readonly ImageSegment[] {
  const data = view(bytes);
  const count = bytes[1]!;
  if (count === 0 || count > segmentsMax)
    throw bad(name, `${count} segments (1 to 16 are possible)`);
  const segments: ImageSegment[] = [];
  let at = headerBytes;
  for (let index = 0; index < count; index++) {
    if (at + 8 > bytes.length) throw bad(name, `cut off in the header of segment ${index}`);
    const segment = {
      address: data.getUint32(at, true),
      offset: at + 8,
      size: data.getUint32(at + 4, true),
    };
    at = segment.offset + segment.size;
    if (at > bytes.length) {
      throw bad(name, `segment ${index} at ${hex(segment.offset)} ends behind the file`);
    }
    segments.push(segment);
  }
  return segments;
}

/** The checksum is the last byte of a multiple of 16. */
function paddedEnd(dataEnd: number): number {
  return Math.floor(dataEnd / 16) * 16 + 16;
}

function segmentChecksum(bytes: Uint8Array, segments: readonly ImageSegment[]): number {
  let sum = 0xef;
  for (const { offset, size } of segments) {
    for (let at = offset; at < offset + size; at++) sum ^= bytes[at]!;
  }
  return sum;
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}

function verifySha256(bytes: Uint8Array, at: number, name: string): void {
  if (at + shaBytes > bytes.length) throw bad(name, `cut off before the SHA-256 at ${hex(at)}`);
  const stored = Buffer.from(bytes.subarray(at, at + shaBytes));
  if (!stored.equals(sha256(bytes.subarray(0, at)))) {
    throw bad(name, `the SHA-256 at ${hex(at)} does not match the content`);
  }
}

function text(bytes: Uint8Array, at: number, length: number): string {
  const field = bytes.subarray(at, at + length);
  const end = field.indexOf(0);
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
}

function readDescriptor(bytes: Uint8Array, first: ImageSegment): AppDescriptor | undefined {
  const at = first.offset;
  if (first.size < descriptorBytes || view(bytes).getUint32(at, true) !== descriptorMagic) {
    return undefined;
  }
  return {
    version: text(bytes, at + 16, 32),
    project: text(bytes, at + 48, 32),
    time: text(bytes, at + 80, 16),
    date: text(bytes, at + 96, 16),
    idfVersion: text(bytes, at + 112, 32),
    elfSha256: Buffer.from(bytes.subarray(at + 144, at + 176)).toString("hex"),
  };
}

/** @throws DeviceError `wrong-chip` when the image was built for another chip than `target`. */
export function requireChip(image: EspImage, target: EspTarget, name: string): void {
  if (image.chipId === target.chipId) return;
  const built = targetByChipId(image.chipId)?.name ?? `chip id ${image.chipId}`;
  throw new DeviceError(
    "wrong-chip",
    `${name} was built for ${built}, the board is ${target.name}`,
    {
      hint: `build for ${target.id}, or choose another --port: godwit devices`,
    },
  );
}

export interface FlashSettings {
  readonly mode?: string;
  readonly frequency?: string;
  readonly sizeMegabytes?: number;
}

/**
 * A copy with other flash settings in its header and a digest that matches them.
 * @throws DeviceError `bad-input` for a setting the chip does not have, `bad-image` for a damaged image
 */
export function patchFlashSettings(
  bytes: Uint8Array,
  target: EspTarget,
  settings: FlashSettings,
): Uint8Array {
  const image = parseImage(bytes);
  // Not slice(): that of a Buffer shares its memory.
  const patched = new Uint8Array(bytes);
  const { mode, frequency, sizeMegabytes } = settings;
  if (mode !== undefined) patched[2] = choice("flash mode", mode, target.flashModes.indexOf(mode));
  if (frequency !== undefined) {
    const nibble = choice("flash frequency", frequency, target.flashFrequencies[frequency]);
    patched[3] = (patched[3]! & 0xf0) | nibble;
  }
  if (sizeMegabytes !== undefined) {
    const exponent = Math.log2(sizeMegabytes);
    const isPossible = Number.isInteger(exponent) && exponent <= 7;
    const nibble = choice("flash size", `${sizeMegabytes}MB`, isPossible ? exponent : -1);
    patched[3] = (patched[3]! & 0x0f) | (nibble << 4);
  }
  if (image.hasSha256) {
    const at = image.size - shaBytes;
    patched.set(sha256(patched.subarray(0, at)), at);
  }
  return patched;
}

function choice(what: string, value: string, code: number | undefined): number {
  if (code !== undefined && code >= 0) return code;
  throw new DeviceError("bad-input", `this chip has no ${what} '${shorten(value)}'`, {
    hint: "leave the setting out to keep what the image says",
  });
}

export interface BuildImageOptions {
  readonly chipId: number;
  readonly entry: number;
  readonly segments: readonly { readonly address: number; readonly bytes: Uint8Array }[];
  readonly hasSha256?: boolean;
}

/** An image from its segments: for the virtual bench and for tests. */
export function buildImage(options: BuildImageOptions): Uint8Array {
  const header = new Uint8Array(headerBytes);
  header.set([imageMagic, options.segments.length, 2, 0x20]);
  view(header).setUint32(4, options.entry, true);
  header[8] = 0xee;
  view(header).setUint16(12, options.chipId, true);
  view(header).setUint16(17, 0xffff, true);
  header[23] = options.hasSha256 === false ? 0 : 1;
  const parts: Uint8Array[] = [header];
  let sum = 0xef;
  for (const { address, bytes } of options.segments) {
    const head = new Uint8Array(8);
    view(head).setUint32(0, address, true);
    view(head).setUint32(4, bytes.length, true);
    for (const byte of bytes) sum ^= byte;
    parts.push(head, bytes);
  }
  const content = Buffer.concat(parts);
  const padded = new Uint8Array(paddedEnd(content.length));
  padded.set(content);
  padded[padded.length - 1] = sum;
  return header[23] === 1 ? Buffer.concat([padded, sha256(padded)]) : padded;
}

/** A descriptor for `buildImage`: the first bytes of the first segment. */
export function buildDescriptor(project: string, version: string): Uint8Array {
  const bytes = new Uint8Array(descriptorBytes);
  view(bytes).setUint32(0, descriptorMagic, true);
  const put = (value: string, at: number, length: number) => {
    bytes.set(new TextEncoder().encode(value).subarray(0, length - 1), at);
  };
  put(version, 16, 32);
  put(project, 48, 32);
  put("12:00:00", 80, 16);
  put("Jan  1 2026", 96, 16);
  put("godwit", 112, 32);
  return bytes;
}
