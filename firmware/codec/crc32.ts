// CRC-32 (ISO 3309, IEEE 802.3: reflected polynomial 0xEDB88320), by half bytes.

// Signed: beyond 2^31 the engine would leave integers for floating point, which a Pico computes in software.
const NIBBLES = [
  0x0, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
  -0x12477ce0, -0xff06cbc, -0x29295c18, -0x349e4c74, -0x649b3d50, -0x792c2d2c, -0x5ff51d88,
  -0x42420de4,
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
