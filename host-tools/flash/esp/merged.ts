// What is inside a merged image (bootloader, table and applications in one file): every image by its place.
import { DeviceError, isDeviceError } from "../../serial/error.ts";
import { type EspImage, imageExtent, isEspImage, parseImage, requireChip } from "./image.ts";
import { bootPartition } from "./otadata.ts";
import { partitionTypes } from "./partition-names-table.ts";
import { type Partition, parsePartitionTable, tableBytes, tableOffset } from "./partitions.ts";
import { sectorBytes } from "./protocol.ts";
import { type FlashRegion, hex } from "./regions.ts";
import type { EspTarget } from "./target.ts";
import { espTargets } from "./targets-table.ts";

export const tableSectorEnd = tableOffset + sectorBytes;
const headerBytes = 24;
const bootloaderOffsets = [...new Set(espTargets.map((target) => target.bootloaderOffset))].sort(
  (a, b) => a - b,
);

export interface MergedOptions {
  readonly target: EspTarget;
  /** The file is a flash's whole content: a slot that does not boot may hold rubbish, as it did on its board. */
  readonly isWholeFlash: boolean;
}

/** Where an image may be, and where it has to end. */
interface Place {
  readonly name: string;
  readonly offset: number;
  readonly end: number;
}

/** The bytes at the table's place when `region` writes there from before it or from its first byte. */
export function tableWithin(region: FlashRegion): Uint8Array | undefined {
  const isBeside =
    region.offset > tableOffset || region.offset + region.bytes.length <= tableOffset;
  if (isBeside) return undefined;
  const at = tableOffset - region.offset;
  const bytes = region.bytes.subarray(at, at + tableBytes);
  return at === 0 || (bytes[0] === 0xaa && bytes[1] === 0x50) ? bytes : undefined;
}

/**
 * Checks a file that brings its own table: each image in it is for `target`, whole, and within its partition.
 * @throws DeviceError `wrong-chip`, `bad-image` or `does-not-fit`
 */
export function requireMerged(
  region: FlashRegion,
  table: readonly Partition[],
  options: MergedOptions,
): void {
  requireBootloader(region, options.target);
  let imageCount = 0;
  for (const place of appPlaces(region, table, options.target)) {
    try {
      if (requirePlace(region, place, options.target)) imageCount++;
    } catch (error) {
      const isSpare = options.isWholeFlash && !boots(region, table, place);
      if (!isSpare || !isDeviceError(error, "bad-image")) throw error;
    }
  }
  if (imageCount === 0) requireWholePartitions(region, table);
}

function boots(region: FlashRegion, table: readonly Partition[], place: Place): boolean {
  const contentOf = ({ offset, size }: Partition) => bytesAt(region, offset).subarray(0, size);
  return bootPartition(table, contentOf)?.offset === place.offset;
}

function bytesAt({ bytes, offset }: FlashRegion, at: number): Uint8Array {
  return bytes.subarray(at - offset);
}

function holds({ bytes, offset }: FlashRegion, at: number): boolean {
  return at >= offset && at < offset + bytes.length;
}

/** A bootloader where this chip does not look for one was merged for another chip, or wrongly. */
function requireBootloader(region: FlashRegion, target: EspTarget): void {
  const { bootloaderOffset: offset } = target;
  for (const found of bootloaderOffsets) {
    const image = holds(region, found) ? tryParse(bytesAt(region, found)) : undefined;
    if (!image) continue;
    if (found === offset) break;
    requireChip(image, target, `bootloader at ${hex(found)} in ${region.name}`);
    throw new DeviceError(
      "does-not-fit",
      `${region.name} has its bootloader at ${hex(found)}, ${target.name} starts at ${hex(offset)}`,
      { hint: `merge again with the bootloader at ${hex(offset)}` },
    );
  }
  const place = { name: "bootloader", offset, end: tableOffset };
  if (holds(region, offset)) requirePlace(region, place, target);
}

function appPlaces(
  region: FlashRegion,
  table: readonly Partition[],
  { bootloaderOffset }: EspTarget,
): readonly Place[] {
  return table
    .filter(({ type, offset }) => {
      const isCode = type === partitionTypes.app || type === partitionTypes.bootloader;
      return isCode && offset !== bootloaderOffset && holds(region, offset);
    })
    .map(({ name, offset, size }) => ({ name: `'${name}'`, offset, end: offset + size }));
}

/** False when the place is blank: erased, or filled with 0 by a tool that merges with such padding. */
function requirePlace(region: FlashRegion, place: Place, target: EspTarget): boolean {
  const { name, offset, end } = place;
  const bytes = bytesAt(region, offset);
  const what = `${name} at ${hex(offset)} in ${region.name}`;
  if (!isEspImage(bytes)) {
    const fill = bytes[0] === 0 ? 0 : 0xff;
    const blank = bytes.subarray(0, end - offset).findIndex((byte) => byte !== fill);
    if (blank < 0) return false;
    const found = blank < headerBytes ? "it starts with something else" : "its header is blank";
    throw new DeviceError("bad-image", `${what} holds data but no image: ${found}`, {
      hint: "check the offsets it was merged with: godwit partitions <table>",
    });
  }
  const size = imageExtent(bytes, what);
  if (size > end - offset) {
    throw new DeviceError(
      "does-not-fit",
      `${what} needs ${size} bytes, its place ends after ${end - offset} at ${hex(end)}`,
      { hint: "make the image smaller, or its partition larger, then merge again" },
    );
  }
  requireChip(parseImage(bytes, what), target, what);
  return true;
}

/** A table's file that is longer than its sector is no table: it has to show that it is more on purpose. */
function requireWholePartitions(region: FlashRegion, table: readonly Partition[]): void {
  const end = region.offset + region.bytes.length;
  if (region.offset < tableOffset || end <= tableSectorEnd) return;
  if (table.some(({ offset, size }) => offset + size === end)) return;
  throw new DeviceError(
    "does-not-fit",
    `${region.name} starts with a partition table and runs on to ${hex(end)}, behind the table's ` +
      `sector (${hex(tableSectorEnd)}): it holds no application and ends in no partition's end`,
    { hint: "give the table's own file at 0x8000, and each partition's at its own offset" },
  );
}

/**
 * A merged image at an application's offset has a bootloader where the application should be.
 * @throws DeviceError `does-not-fit`, with the offset it was merged for
 */
export function requireNoMergedElsewhere(region: FlashRegion, target: EspTarget): void {
  for (const from of new Set([0, target.bootloaderOffset])) {
    const at = tableOffset - from;
    if (region.offset === from || !isTable(region.bytes.subarray(at, at + tableBytes))) continue;
    throw new DeviceError(
      "does-not-fit",
      `${region.name} is a merged image with its partition table at ${hex(at)}: it belongs at ` +
        `${hex(from)}, not at ${hex(region.offset)}`,
      { hint: `${region.name}@${hex(from)}` },
    );
  }
}

function isTable(bytes: Uint8Array): boolean {
  try {
    return parsePartitionTable(bytes).length > 0;
  } catch (error) {
    if (!isDeviceError(error)) throw error;
    return false;
  }
}

function tryParse(bytes: Uint8Array): EspImage | undefined {
  try {
    return parseImage(bytes);
  } catch (error) {
    if (!isDeviceError(error)) throw error;
    return undefined;
  }
}

/**
 * The chip that the first sound image in a file was built for.
 * @throws DeviceError `bad-image` for a plain image that is damaged, `bad-input` for a table that is
 */
export function chipIdOf(region: FlashRegion): number | undefined {
  const brought = tableWithin(region);
  if (!brought) {
    return isEspImage(region.bytes) ? parseImage(region.bytes, region.name).chipId : undefined;
  }
  const apps = parsePartitionTable(brought).filter(({ type }) => type === partitionTypes.app);
  return [...bootloaderOffsets, ...apps.map(({ offset }) => offset)]
    .filter((offset) => holds(region, offset))
    .map((offset) => tryParse(bytesAt(region, offset))?.chipId)
    .find((chipId) => chipId !== undefined);
}
