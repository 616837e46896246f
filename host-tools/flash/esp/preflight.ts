// What is checked before anything is erased: right chip, right place, enough room.
import { DeviceError } from "../../serial/error.ts";
import { isEspImage, parseImage, requireChip } from "./image.ts";
import { requireMerged, requireNoMergedElsewhere, tableSectorEnd, tableWithin } from "./merged.ts";
import { type Partition, parsePartitionTable, tableBytes, tableOffset } from "./partitions.ts";
import { type FlashRegion, hex, orderedRegions } from "./regions.ts";
import type { EspTarget } from "./target.ts";

export interface PreflightOptions {
  readonly target: EspTarget;
  readonly flashBytes: number;
  /** `flashBytes` is only what the largest chip has: no board was asked yet. */
  readonly isSizeGuessed?: boolean;
  /** Bytes at the table's place on the board now; used when the job brings no table. */
  readonly currentTable?: Uint8Array | undefined;
}

const smallestFlashBytes = 1 << 20;

function endOf({ offset, bytes }: FlashRegion): number {
  return offset + bytes.length;
}

/** True when the job itself holds a table: alone, or inside a merged image. */
export function bringsTable(regions: readonly FlashRegion[]): boolean {
  return regions.some((region) => tableWithin(region) !== undefined);
}

/**
 * Checks a whole job. Returns the partition table that will be in force, if there is one.
 * @throws DeviceError `wrong-chip`, `bad-image`, `does-not-fit`, `overlap` or `bad-input`
 */
export function preflight(
  regions: readonly FlashRegion[],
  options: PreflightOptions,
): readonly Partition[] | undefined {
  const sorted = orderedRegions(regions, options.flashBytes);
  const table = tableOf(sorted, options);
  for (const region of sorted) {
    const { target } = options;
    const isWhole = isWholeFlash(region, options);
    if (table && tableWithin(region)) {
      // What brings its own table is the layout: it is judged by that alone.
      requireMerged(region, table, { target, isWholeFlash: isWhole });
      continue;
    }
    const isImage = isEspImage(region.bytes);
    if (isImage) requireChip(parseImage(region.bytes, region.name), target, region.name);
    if (isWhole) continue;
    requireNoMergedElsewhere(region, target);
    requireTableKept(region);
    if (table) requireRoom(region, table, isImage);
  }
  for (const partition of table ?? []) requireOnChip(partition, options.flashBytes);
  return table;
}

function isWholeFlash(region: FlashRegion, options: PreflightOptions): boolean {
  const { length } = region.bytes;
  if (region.offset !== 0) return false;
  if (!options.isSizeGuessed) return length === options.flashBytes;
  return length >= smallestFlashBytes && Number.isInteger(Math.log2(length));
}

function tableOf(
  regions: readonly FlashRegion[],
  options: PreflightOptions,
): readonly Partition[] | undefined {
  for (const region of regions) {
    const brought = tableWithin(region);
    if (brought) return parsePartitionTable(brought);
  }
  // A whole flash without a table at the usual place leaves nothing of the board's table either.
  if (!options.currentTable || regions.some((region) => isWholeFlash(region, options))) {
    return undefined;
  }
  try {
    return parsePartitionTable(options.currentTable);
  } catch {
    // The board has no (valid) table yet; then there is nothing to compare with.
    return undefined;
  }
}

/** Holds without any table too: whatever runs over its place leaves a board that cannot boot. */
function requireTableKept(region: FlashRegion): void {
  const end = endOf(region);
  if (end <= tableOffset || region.offset >= tableSectorEnd) return;
  // Behind the table its sector has room for a signature.
  if (region.offset >= tableOffset + tableBytes && end <= tableSectorEnd) return;
  throw new DeviceError(
    "does-not-fit",
    `${region.name} (${hex(region.offset)}..${hex(end)}) would run over the partition table at ` +
      hex(tableOffset),
    { hint: crossingHint(region) },
  );
}

function crossingHint({ bytes, name }: FlashRegion): string {
  return isEspImage(bytes)
    ? `give the offset of the partition it belongs into, like ${name}@0x10000`
    : "check size and offset against the partition table: godwit partitions <file>";
}

function requireRoom(region: FlashRegion, table: readonly Partition[], isImage: boolean): void {
  const end = endOf(region);
  const home = table.find(
    ({ offset, size }) => region.offset >= offset && region.offset < offset + size,
  );
  if (home && isImage && home.offset !== region.offset) {
    throw new DeviceError(
      "does-not-fit",
      `${region.name} would never boot at ${hex(region.offset)}: '${home.name}' starts at ` +
        hex(home.offset),
      { hint: `${region.name}@${hex(home.offset)}` },
    );
  }
  if (home && end > home.offset + home.size) {
    throw new DeviceError(
      "does-not-fit",
      `${region.name} needs ${region.bytes.length} bytes, partition '${home.name}' has ` +
        `${home.offset + home.size - region.offset} from ${hex(region.offset)}`,
      { hint: "make the image smaller, or the partition larger and flash the table too" },
    );
  }
  if (!home) requireOutside(region, table);
}

/** Between the partitions: up to the next one and no further. */
function requireOutside(region: FlashRegion, table: readonly Partition[]): void {
  const end = endOf(region);
  const next = table.find(({ offset }) => offset >= region.offset && offset < end);
  if (!next) return;
  throw new DeviceError(
    "does-not-fit",
    `${region.name} (${hex(region.offset)}..${hex(end)}) would run into partition ` +
      `'${next.name}' at ${hex(next.offset)}`,
    { hint: crossingHint(region) },
  );
}

function requireOnChip(partition: Partition, flashBytes: number): void {
  const end = partition.offset + partition.size;
  if (end <= flashBytes) return;
  throw new DeviceError(
    "does-not-fit",
    `partition '${partition.name}' ends at ${hex(end)}, the flash at ${hex(flashBytes)}`,
    { hint: "use a partition table for this board's flash size: godwit flash id" },
  );
}
