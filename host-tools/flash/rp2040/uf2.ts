// UF2 files (Microsoft's USB Flashing Format) with the rules of the RP2040 and RP2350 boot ROMs.
import { DeviceError } from "../../serial/error.ts";
import { shorten } from "../../shorten.ts";

export const uf2BlockBytes = 512;
const magicStart0 = 0x0a324655;
const magicStart1 = 0x9e5d5157;
const magicEnd = 0x0ab16f30;
const dataOffset = 32;
const payloadBytesMax = 476;
const flagNotMainFlash = 0x1;
const flagFamily = 0x2000;
/** What the boot ROMs program at once; RP2350 takes nothing else. */
export const pageBytes = 256;
/** 16 MiB of flash in pages, twice: more is no firmware. */
const blocksMax = 131_072;

export const uf2Families = {
  rp2040: 0xe48bff56,
  absolute: 0xe48bff57,
  data: 0xe48bff58,
  "rp2350-arm-s": 0xe48bff59,
  "rp2350-riscv": 0xe48bff5a,
  "rp2350-arm-ns": 0xe48bff5b,
} as const;
export type Uf2Family = keyof typeof uf2Families;
export type RpChip = "rp2040" | "rp2350";

const chipFamilies: Readonly<Record<RpChip, readonly Uf2Family[]>> = {
  rp2040: ["rp2040", "absolute"],
  rp2350: ["rp2350-arm-s", "rp2350-riscv", "rp2350-arm-ns", "absolute", "data"],
};

export interface Uf2Block {
  /** Its place in the file. */
  readonly index: number;
  readonly address: number;
  readonly family: number | undefined;
  readonly payload: Uint8Array;
}

export interface Uf2File {
  readonly families: readonly string[];
  /** Blocks that go to main flash, in file order. */
  readonly blocks: readonly Uf2Block[];
  readonly bytes: number;
}

function bad(name: string, what: string): DeviceError {
  return new DeviceError("bad-input", `${name} is no valid UF2 file: ${what}`, {
    hint: "download or build it again; godwit image info <file> checks it",
  });
}

export function familyName(family: number | undefined): string {
  if (family === undefined) return "none";
  const found = Object.entries(uf2Families).find(([, id]) => id === family);
  return found?.[0] ?? `0x${family.toString(16)}`;
}

export function isUf2(bytes: Uint8Array): boolean {
  if (bytes.length < 8) return false;
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return data.getUint32(0, true) === magicStart0 && data.getUint32(4, true) === magicStart1;
}

/**
 * Reads a file and checks every block: a boot ROM that gets a bad one silently never reboots.
 * @throws DeviceError `bad-input` naming block and offset
 */
export function parseUf2(bytes: Uint8Array, name = "file"): Uf2File {
  const count = bytes.length / uf2BlockBytes;
  if (count === 0) throw bad(name, "it is empty");
  if (!Number.isInteger(count)) {
    const behind = bytes.length % uf2BlockBytes;
    throw bad(name, `truncated: block ${Math.floor(count)} has ${behind} of 512 bytes`);
  }
  if (count > blocksMax) throw bad(name, `${count} blocks are more than any flash holds`);
  const seen = new Map<number | undefined, Set<number>>();
  const totals = new Map<number | undefined, number>();
  const blocks: Uf2Block[] = [];
  for (let index = 0; index < count; index++) {
    const raw = readBlock(bytes.subarray(index * uf2BlockBytes), index, name);
    if (raw.isMainFlash) blocks.push(raw);
    // The absolute block that works around an RP2350 erratum has a numbering of its own.
    const numbers = seen.get(raw.family) ?? new Set();
    numbers.add(raw.number);
    seen.set(raw.family, numbers);
    totals.set(raw.family, raw.total);
  }
  for (const [family, numbers] of seen) {
    const total = totals.get(family)!;
    if (numbers.size < total) {
      throw bad(name, `${total - numbers.size} of ${total} blocks are missing`);
    }
  }
  for (const family of seen.keys()) {
    requireApart(
      blocks.filter((block) => block.family === family),
      name,
    );
  }
  return { families: [...seen.keys()].map(familyName), blocks, bytes: bytes.length };
}

/** Of two blocks for one place the later one wins, and the page the other stood for is missing. */
function requireApart(blocks: readonly Uf2Block[], name: string): void {
  const sorted = [...blocks].sort((a, b) => a.address - b.address || a.index - b.index);
  sorted.forEach((block, position) => {
    const before = sorted[position - 1];
    if (!before || before.address + before.payload.length <= block.address) return;
    const [first, second] = [before, block].sort((a, b) => a.index - b.index) as [
      Uf2Block,
      Uf2Block,
    ];
    const address = `0x${block.address.toString(16)}`;
    throw bad(name, `blocks ${first.index} and ${second.index} both go to ${address}`);
  });
}

interface RawBlock extends Uf2Block {
  readonly number: number;
  readonly total: number;
  readonly isMainFlash: boolean;
}

function readBlock(bytes: Uint8Array, index: number, name: string): RawBlock {
  const data = new DataView(bytes.buffer, bytes.byteOffset, uf2BlockBytes);
  const word = (at: number) => data.getUint32(at, true);
  const where = `block ${index} at offset ${index * uf2BlockBytes}`;
  if (word(0) !== magicStart0 || word(4) !== magicStart1 || word(508) !== magicEnd) {
    throw bad(name, `${where} has wrong magic numbers`);
  }
  const flags = word(8);
  const size = word(16);
  if (size === 0 || size > payloadBytesMax) throw bad(name, `${where} has ${size} payload bytes`);
  if (word(20) >= word(24)) throw bad(name, `${where} has number ${word(20)} of ${word(24)}`);
  return {
    index,
    address: word(12),
    number: word(20),
    total: word(24),
    family: flags & flagFamily ? word(28) : undefined,
    payload: bytes.subarray(dataOffset, dataOffset + size),
    isMainFlash: (flags & flagNotMainFlash) === 0,
  };
}

/** Where a boot ROM puts blocks: flash behind its cache window, and RAM. */
const places: Readonly<Record<RpChip, readonly (readonly [from: number, end: number])[]>> = {
  rp2040: [
    [0x10000000, 0x11000000],
    [0x20000000, 0x20042000],
  ],
  rp2350: [
    [0x10000000, 0x12000000],
    [0x20000000, 0x20082000],
  ],
};

/**
 * Checks a parsed file against the chip that will get it.
 * @throws DeviceError `wrong-chip` for another family, `bad-input` for what the ROM would ignore silently
 */
export function requireUf2For(file: Uf2File, chip: RpChip, name: string): void {
  const known = chipFamilies[chip];
  const foreign = file.families.find((family) => !known.includes(family as Uf2Family));
  if (foreign !== undefined) {
    throw new DeviceError("wrong-chip", `${name} is for ${foreign}, the board is an ${chip}`, {
      hint: `build for ${chip}, or choose another board: godwit devices`,
    });
  }
  if (file.blocks.length === 0) throw bad(name, "nothing in it goes to flash");
  // A file's families may each bring the same pages; those that one chip takes may not.
  requireApart(file.blocks, name);
  file.blocks.forEach(({ index, address, payload }) => {
    if (payload.length !== pageBytes || address % pageBytes !== 0) {
      throw bad(name, `block ${index} is no whole page of ${pageBytes} bytes`);
    }
    if (!places[chip].some(([from, end]) => address >= from && address + pageBytes <= end)) {
      throw bad(name, `block ${index} goes to 0x${address.toString(16)}, outside flash and RAM`);
    }
  });
}

/**
 * Everything that can be checked before a board is disturbed; `chip` when it is known which one will get it.
 * @throws DeviceError `wrong-chip` or `bad-input`
 */
export function preflightUf2(file: Uf2File, name: string, chip?: RpChip): void {
  const takers = (["rp2040", "rp2350"] as const).filter((each) =>
    file.families.every((family) => chipFamilies[each].includes(family as Uf2Family)),
  );
  const likely = chip ?? takers[0];
  if (!likely) {
    const families = shorten(file.families.join(" and "));
    throw new DeviceError(
      "wrong-chip",
      `${name} is for ${families}: neither an rp2040 nor an rp2350 takes that`,
      {
        hint: "build for the board that will get it; godwit image info <file> tells what a file is",
      },
    );
  }
  requireUf2For(file, likely, name);
}

export interface UfSegment {
  readonly address: number;
  readonly bytes: Uint8Array;
}

/** Builds a file of whole pages; what lies between segments in a page becomes zero. */
export function encodeUf2(segments: readonly UfSegment[], family: Uf2Family): Uint8Array {
  const pages = new Map<number, Uint8Array>();
  for (const { address, bytes } of segments) {
    for (let at = 0; at < bytes.length; ) {
      const page = Math.floor((address + at) / pageBytes) * pageBytes;
      const within = address + at - page;
      const count = Math.min(pageBytes - within, bytes.length - at);
      const content = pages.get(page) ?? new Uint8Array(pageBytes);
      content.set(bytes.subarray(at, at + count), within);
      pages.set(page, content);
      at += count;
    }
  }
  const sorted = [...pages].sort(([a], [b]) => a - b);
  const file = new Uint8Array(sorted.length * uf2BlockBytes);
  sorted.forEach(([address, content], index) => {
    const data = new DataView(file.buffer, index * uf2BlockBytes, uf2BlockBytes);
    const words = [magicStart0, magicStart1, flagFamily, address, pageBytes, index, sorted.length];
    [...words, uf2Families[family]].forEach((value, position) => {
      data.setUint32(position * 4, value, true);
    });
    file.set(content, index * uf2BlockBytes + dataOffset);
    data.setUint32(508, magicEnd, true);
  });
  return file;
}
