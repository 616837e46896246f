// CRC-32 (ISO 3309, IEEE 802.3: reflected polynomial 0xEDB88320), by half bytes.

const NIBBLES = [
  0, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c, 0xedb88320,
  0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
];

/** CRC-32 of `bytes`, unsigned. Pass the result of the preceding bytes as `crc` to continue. */
export function crc32(bytes: Uint8Array, crc = 0): number {
  let rest = ~crc;
  for (let i = 0; i < bytes.length; i++) {
    rest ^= bytes[i]!;
    rest = (rest >>> 4) ^ NIBBLES[rest & 15]!;
    rest = (rest >>> 4) ^ NIBBLES[rest & 15]!;
  }
  return ~rest >>> 0;
}
