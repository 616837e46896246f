// What to write where: overlap checks, and growing regions to whole sectors without losing neighbours.
import { DeviceError } from "../../serial/error.ts";
import { sectorBytes } from "./protocol.ts";

export interface FlashRegion {
  readonly offset: number;
  readonly bytes: Uint8Array;
  /** For messages: the file's name. */
  readonly name: string;
}

export function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

function end(region: FlashRegion): number {
  return region.offset + region.bytes.length;
}

/**
 * Sorts regions by offset.
 * @throws DeviceError `overlap`, or `does-not-fit` when one ends behind `flashBytes`.
 */
export function orderedRegions(
  regions: readonly FlashRegion[],
  flashBytes: number,
): readonly FlashRegion[] {
  const sorted = [...regions].sort((a, b) => a.offset - b.offset);
  sorted.forEach((region, index) => {
    const previous = sorted[index - 1];
    if (previous && end(previous) > region.offset) {
      throw new DeviceError(
        "overlap",
        `${previous.name} (${hex(previous.offset)}..${hex(end(previous))}) overlaps ` +
          `${region.name} at ${hex(region.offset)}`,
        { hint: "check the offsets against the partition table: godwit partitions <file>" },
      );
    }
    if (end(region) > flashBytes) {
      throw new DeviceError(
        "does-not-fit",
        `${region.name} ends at ${hex(end(region))}, the flash at ${hex(flashBytes)}`,
        { hint: "use a smaller image or a board with more flash" },
      );
    }
  });
  return sorted;
}

export interface SectorSpan {
  readonly offset: number;
  readonly size: number;
  readonly names: readonly string[];
}

/** Whole-sector spans that cover `regions` (sorted); regions that share a sector share a span. */
export function sectorSpans(regions: readonly FlashRegion[]): readonly SectorSpan[] {
  const spans: { offset: number; size: number; names: string[] }[] = [];
  for (const region of regions) {
    if (region.bytes.length === 0) continue;
    const offset = Math.floor(region.offset / sectorBytes) * sectorBytes;
    const size = Math.ceil(end(region) / sectorBytes) * sectorBytes - offset;
    const last = spans.at(-1);
    if (last && offset < last.offset + last.size) {
      last.size = Math.max(last.size, offset + size - last.offset);
      last.names.push(region.name);
    } else spans.push({ offset, size, names: [region.name] });
  }
  return spans;
}

export interface Gap {
  readonly offset: number;
  readonly size: number;
}

/** The parts of `span` that no region covers: what has to be read first to be kept. */
export function gapsOf(span: SectorSpan, regions: readonly FlashRegion[]): readonly Gap[] {
  const gaps: Gap[] = [];
  let at = span.offset;
  const spanEnd = span.offset + span.size;
  for (const region of regions) {
    if (end(region) <= span.offset || region.offset >= spanEnd) continue;
    if (region.offset > at) gaps.push({ offset: at, size: region.offset - at });
    at = end(region);
  }
  if (at < spanEnd) gaps.push({ offset: at, size: spanEnd - at });
  return gaps;
}

/** Lays `regions` over `base`, whose first byte is at `span.offset`. */
export function overlay(
  span: SectorSpan,
  base: Uint8Array,
  regions: readonly FlashRegion[],
): Uint8Array {
  for (const region of regions) {
    const from = Math.max(region.offset, span.offset);
    const to = Math.min(end(region), span.offset + span.size);
    if (from >= to) continue;
    const part = region.bytes.subarray(from - region.offset, to - region.offset);
    base.set(part, from - span.offset);
  }
  return base;
}

export interface WriteStep extends SectorSpan {
  /** One sector that holds bytes of others too. */
  readonly isShared: boolean;
}

/** Whole sectors first; then each shared one by itself, so that its neighbours are away as briefly as can be. */
export function writeSteps(span: SectorSpan, gaps: readonly Gap[]): readonly WriteStep[] {
  const { names } = span;
  const whole: { offset: number; size: number; names: readonly string[]; isShared: boolean }[] = [];
  const shared: WriteStep[] = [];
  for (let offset = span.offset; offset < span.offset + span.size; offset += sectorBytes) {
    const behind = offset + sectorBytes;
    const isShared = gaps.some((gap) => gap.offset < behind && gap.offset + gap.size > offset);
    const last = whole.at(-1);
    if (isShared) shared.push({ offset, size: sectorBytes, names, isShared });
    else if (last && last.offset + last.size === offset) last.size += sectorBytes;
    else whole.push({ offset, size: sectorBytes, names, isShared });
  }
  return [...whole, ...shared];
}
