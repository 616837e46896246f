// CRC-16/IBM-3740 (CCITT polynomial 0x1021, start 0xFFFF), bitwise: short messages, no table in RAM.

/** The CRC of `bytes[0..end)`. */
export function crc16(bytes: Uint8Array, end: number): number {
  let crc = 0xffff;
  for (let i = 0; i < end; i++) {
    crc ^= bytes[i]! << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
    crc &= 0xffff;
  }
  return crc;
}
