// Requests and replies of the ESP serial loader (Espressif's "Serial Protocol" documentation).

export const op = {
  flashBegin: 0x02,
  flashData: 0x03,
  flashEnd: 0x04,
  memBegin: 0x05,
  memEnd: 0x06,
  memData: 0x07,
  sync: 0x08,
  writeReg: 0x09,
  readReg: 0x0a,
  spiSetParams: 0x0b,
  spiAttach: 0x0d,
  readFlashSlow: 0x0e,
  changeBaud: 0x0f,
  deflBegin: 0x10,
  deflData: 0x11,
  deflEnd: 0x12,
  md5: 0x13,
  securityInfo: 0x14,
  eraseFlash: 0xd0,
  eraseRegion: 0xd1,
  readFlash: 0xd2,
  runUserCode: 0xd3,
} as const;

/** First status byte 1 means failure; the second says why. 0x05.. are the ROM's, 0xC0.. the stub's. */
export const loaderErrors: Readonly<Record<number, string>> = {
  5: "the loader does not know this command or its length",
  6: "the loader could not do it",
  7: "a block arrived damaged",
  8: "the flash could not be written",
  9: "the flash could not be read",
  10: "the read length is not possible",
  11: "the compressed data is damaged",
  192: "a block has the wrong length",
  193: "a block arrived damaged",
  194: "the block size is not possible",
  195: "the loader does not know this command",
  196: "the flash chip did not finish",
  197: "the flash chip could not be unlocked",
  198: "no flash write is under way",
  199: "the compressed data is damaged",
  200: "less data arrived than announced",
  201: "more data arrived than announced",
  255: "the loader does not implement this command",
};

export const ramBlockBytes = 0x1800;
export const stubBlockBytes = 0x4000;
export const romBlockBytes = 0x400;
export const usbOtgBlockBytes = 0x800;
export const sectorBytes = 4096;
/** Bytes per packet of a read, and how many packets may be unacknowledged. */
export const readPacketBytes = 4096;
export const readPacketsInFlight = 64;
/** The slow read of the ROM returns at most this many bytes. */
export const slowReadBytes = 64;
/** Where every chip before the S3 keeps a word that tells which chip it is. */
export const magicRegister = 0x40001000;

/** Little-endian 32-bit words. */
export function words(...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  values.forEach((value, index) => {
    view.setUint32(index * 4, value >>> 0, true);
  });
  return bytes;
}

export function wordAt(bytes: Uint8Array, offset: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(offset, true);
}

/** 0xEF xor all bytes; protects the payload of the three data commands and nothing else. */
export function blockChecksum(payload: Uint8Array): number {
  let sum = 0xef;
  for (const byte of payload) sum ^= byte;
  return sum;
}

export const syncBody = Uint8Array.from([7, 7, 0x12, 0x20, ...new Array<number>(32).fill(0x55)]);

export function requestHeader(operation: number, bodyBytes: number, checksum: number): Uint8Array {
  const header = new Uint8Array(8);
  const view = new DataView(header.buffer);
  header[1] = operation;
  view.setUint16(2, bodyBytes, true);
  view.setUint32(4, checksum, true);
  return header;
}

export interface LoaderFrame {
  readonly operation: number;
  /** Reply: a register's value. Request: the checksum. */
  readonly value: number;
  readonly body: Uint8Array;
}

/** Reads a request (`direction` 0) or a reply (1); undefined when the bytes are neither. */
export function parseFrame(frame: Uint8Array, direction: 0 | 1): LoaderFrame | undefined {
  if (frame.length < 8 || frame[0] !== direction) return undefined;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (view.getUint16(2, true) !== frame.length - 8) return undefined;
  return { operation: frame[1]!, value: view.getUint32(4, true), body: frame.subarray(8) };
}

/** A reply as a loader sends it: value, data, status bytes. */
export function replyFrame(operation: number, value: number, body: Uint8Array): Uint8Array {
  const frame = new Uint8Array(8 + body.length);
  const view = new DataView(frame.buffer);
  frame[0] = 1;
  frame[1] = operation;
  view.setUint16(2, body.length, true);
  view.setUint32(4, value >>> 0, true);
  frame.set(body, 8);
  return frame;
}
