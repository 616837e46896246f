// What is checked before anything is erased: right chip, right place, enough room.
import { DeviceError } from "../../serial/error.ts";
import { isEspImage, parseImage, requireChip } from "./image.ts";
import { type Partition, parsePartitionTable, tableBytes, tableOffset } from "./partitions.ts";
import { type FlashRegion, hex, orderedRegions } from "./regions.ts";
import type { EspTarget } from "./target.ts";

export interface PreflightOptions {
  readonly target: EspTarget;
  readonly flashBytes: number;
  /** Bytes at the table's place on the board now; used when the job brings no table. */
  readonly currentTable?: Uint8Array | undefined;
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
    const isTable = region.offset === tableOffset;
    const isImage = isEspImage(region.bytes) && !isTable;
    if (isImage) requireChip(parseImage(region.bytes, region.name), options.target, region.name);
    if (table) requireRoom(region, table, isImage);
  }
  for (const partition of table ?? []) requireOnChip(partition, options.flashBytes);
  return table;
}

function tableOf(
  regions: readonly FlashRegion[],
  options: PreflightOptions,
): readonly Partition[] | undefined {
  const brought = regions.find((region) => region.offset === tableOffset);
  if (brought) return parsePartitionTable(brought.bytes.subarray(0, tableBytes));
  if (!options.currentTable) return undefined;
  try {
    return parsePartitionTable(options.currentTable);
  } catch {
    // The board has no (valid) table yet; then there is nothing to compare with.
    return undefined;
  }
}

function requireRoom(region: FlashRegion, table: readonly Partition[], isImage: boolean): void {
  const end = region.offset + region.bytes.length;
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
