// Requests and events between a board's modules and its embedder: numbers and limits, one table for both sides.
//
// All integers are little-endian. Names (path, key, host, …) are a length byte and UTF-8 bytes. A request is a synchronous
// call with an optional answer; an event is delivered on the board's event loop, never from inside a call.

export const ops = {
  /** [u32 id][u8 secure][u16 port][host][address], with secure: roots, client chain, key (`tls.ts`). */
  tcpOpen: 1,
  /** [u32 id] bytes; the board has checked the window. */
  tcpWrite: 2,
  /** [u32 id][u32 count] → count bytes. */
  tcpRead: 3,
  /** [u32 id] */
  tcpClose: 4,
  /** [u32 id][host] */
  dnsResolve: 5,
  /** [path][key] → value, or nothing. */
  keyValueRead: 6,
  /** [path][key] value → [u8 status] */
  keyValueWrite: 7,
  /** [path][key] */
  keyValueDelete: 8,
  /** [path] → keys */
  keyValueKeys: 9,
  /** [path] → [u32 size][u32 blockLength], or nothing when there is no such partition. */
  flashStatus: 10,
  /** [path][u32 offset][u32 count] → bytes */
  flashRead: 11,
  /** [path][u32 offset] bytes → [u8 status] */
  flashWrite: 12,
  /** [path][u32 firstBlock][u32 blocks] → [u8 status] */
  flashErase: 13,
  /** [name] → [u32 handle], or nothing when there is no such digest. */
  digestOpen: 14,
  /** [u32 handle] bytes */
  digestWrite: 15,
  /** [u32 handle] → digest; the handle is gone. */
  digestClose: 16,
  /** [f64 Unix milliseconds]: the board has set its wall clock. */
  timeSet: 17,
} as const;

export const events = {
  /** [u32 id][u32 bytes readable in all] */
  tcpReadable: 101,
  /** [u32 id][u32 bytes writable in all]; the first one means connected (and, with TLS, verified). */
  tcpWritable: 102,
  /** [u32 id][u8 code] message; the socket is gone. */
  tcpError: 103,
  /** [u32 id] address as text */
  dnsResolved: 104,
  /** [u32 id] message */
  dnsError: 105,
} as const;

/** Codes of `tcpError`, by index. */
export const tcpErrorCodes = [
  "closed",
  "refused",
  "unreachable",
  "timeout",
  "dns",
  "certificate",
  "handshake",
] as const;

/** Answers of storage requests. */
export const storageStatus = { ok: 0, full: 1, refused: 2 } as const;

export const limits = {
  /** NVS on ESP32. */
  keyBytesMax: 15,
  pathBytesMax: 31,
  hostBytesMax: 255,
  /** Certificates and keys of one socket, in all. */
  tlsBytesMax: 16_384,
} as const;
