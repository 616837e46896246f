// The otadata partition: which OTA slot boots next (ESP-IDF bootloader, two copies in two sectors).
import { crc32 } from "node:zlib";
import { DeviceError } from "../../serial/error.ts";
import type { Partition } from "./partitions.ts";

export const otadataBytes = 0x2000;
const copyBytes = 0x1000;
const recordBytes = 32;
const empty = 0xffffffff;
const firstOtaSubtype = 0x10;
const lastOtaSubtype = 0x1f;

export const otaStates = {
  new: 0,
  pendingVerify: 1,
  valid: 2,
  invalid: 3,
  aborted: 4,
  undefined: empty,
} as const;

export interface OtaRecord {
  /** Counts up with every switch; slot = (sequence - 1) modulo the number of slots. */
  readonly sequence: number;
  readonly state: number;
}

function sequenceCrc(sequence: number): number {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, sequence, true);
  return crc32(bytes, 0xffffffff);
}

/** The two copies; undefined where a copy is empty or damaged. */
export function parseOtadata(bytes: Uint8Array): readonly (OtaRecord | undefined)[] {
  if (bytes.length < copyBytes + recordBytes) {
    throw new DeviceError("bad-input", `otadata has ${bytes.length} bytes, needs 0x2000`);
  }
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return [0, copyBytes].map((at) => {
    const sequence = data.getUint32(at, true);
    const isValid = sequence !== empty && data.getUint32(at + 28, true) === sequenceCrc(sequence);
    return isValid ? { sequence, state: data.getUint32(at + 24, true) } : undefined;
  });
}

/** The OTA slot that boots, or undefined: then the factory partition (or slot 0) does. */
export function activeSlot(bytes: Uint8Array, slots: number): number | undefined {
  const usable = parseOtadata(bytes).filter(
    (record): record is OtaRecord =>
      record !== undefined &&
      record.sequence !== 0 &&
      record.state !== otaStates.invalid &&
      record.state !== otaStates.aborted,
  );
  if (usable.length === 0 || slots === 0) return undefined;
  const sequence = Math.max(...usable.map((record) => record.sequence));
  return (sequence - 1) % slots;
}

/** Both sectors, with one record in the first. */
export function encodeOtadata(record: OtaRecord): Uint8Array {
  const bytes = new Uint8Array(otadataBytes).fill(0xff);
  const data = new DataView(bytes.buffer);
  data.setUint32(0, record.sequence, true);
  data.setUint32(24, record.state, true);
  data.setUint32(28, sequenceCrc(record.sequence), true);
  return bytes;
}

/** The partition that boots: the slot that otadata names, else the factory application, else the first slot. */
export function bootPartition(
  table: readonly Partition[],
  contentOf: (partition: Partition) => Uint8Array,
): Partition | undefined {
  const slots = table.filter(
    ({ type, subtype }) => type === 0 && subtype >= firstOtaSubtype && subtype <= lastOtaSubtype,
  );
  const otadata = table.find(({ type, subtype }) => type === 1 && subtype === 0);
  const slot = otadata ? activeSlot(contentOf(otadata), slots.length) : undefined;
  const factory = table.find(({ type, subtype }) => type === 0 && subtype === 0);
  return slot === undefined ? (factory ?? slots[0]) : slots[slot];
}
