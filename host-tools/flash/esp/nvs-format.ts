// The layout of NVS version 2 (ESP-IDF "Non-Volatile Storage"): what writing and reading share.
import { crc32 } from "node:zlib";

export const pageBytes = 4096;
export const entryBytes = 32;
export const entriesMax = 126;
export const firstEntry = 64;
export const version2 = 0xfe;
export const typeString = 0x21;
export const typeBlobData = 0x42;
export const typeBlobIndex = 0x48;

export const integerTypes = {
  u8: { code: 0x01, min: 0n, max: 0xffn },
  i8: { code: 0x11, min: -0x80n, max: 0x7fn },
  u16: { code: 0x02, min: 0n, max: 0xffffn },
  i16: { code: 0x12, min: -0x8000n, max: 0x7fffn },
  u32: { code: 0x04, min: 0n, max: 0xffffffffn },
  i32: { code: 0x14, min: -0x80000000n, max: 0x7fffffffn },
  u64: { code: 0x08, min: 0n, max: 0xffffffffffffffffn },
  i64: { code: 0x18, min: -0x8000000000000000n, max: 0x7fffffffffffffffn },
} as const;

export type NvsInteger = keyof typeof integerTypes;

export type NvsValue =
  | { readonly type: NvsInteger; readonly value: bigint }
  | { readonly type: "string"; readonly value: string }
  | { readonly type: "blob"; readonly value: Uint8Array };

export type NvsEntry = {
  readonly namespace: string;
  readonly key: string;
  /** Where it stands in the CSV it came from. */
  readonly line?: number;
} & NvsValue;

export function isNvsInteger(text: string): text is NvsInteger {
  return Object.hasOwn(integerTypes, text);
}

/** CRC-32 as NVS computes it. */
export function crc(bytes: Uint8Array): number {
  // zlib takes a null pointer, which an empty array may be, as a request for 0.
  return bytes.length === 0 ? 0xffffffff : crc32(bytes, 0xffffffff);
}
