// The clear header of a delta batch: enough to index a stream of batches without decoding (firmware/SPEC.md §2).
import { GodwitError } from "../error.ts";
import { ROWS_MAX, VERSION } from "./layout.ts";

/** Milliseconds or microseconds: the unit of all times of a batch. */
export type Tick = "ms" | "us";
export type Profile = "static" | "adaptive";

export interface BatchHeader {
  profile: Profile;
  tick: Tick;
  /** Names the schema (16 bits); absent if the batch does not say. */
  schemaHash?: number | undefined;
  hasCrc: boolean;
  /** Some channel was recorded with a tolerance. */
  isLossy: boolean;
  rows: number;
  /** Time of the first row in ticks; 0 for an empty batch. */
  firstTime: number;
  /** Ticks per step of all times in the batch. */
  timeUnit: number;
}

/** Flags 2, schema 2, rows 2, time 8; even. */
export const HEADER_BYTES_MAX = 14;

const ADAPTIVE = 0x10;
const MORE = 0x08;
const MICROSECONDS = 0x04;

const SCHEMA = 0x01;
const CRC = 0x02;
const LOSSY = 0x04;
const KNOWN = SCHEMA | CRC | LOSSY;

/** Steps of time by their code: one tick, a second, a minute, an hour. */
function unitOf(code: number, tick: Tick): number {
  const second = tick === "ms" ? 1000 : 1_000_000;
  return code === 0 ? 1 : code === 1 ? second : code === 2 ? 60 * second : 3600 * second;
}

/** The longest step that `firstTime` and `divisor`, a common one of all differences of times, are multiples of. */
export function timeUnitOf(firstTime: number, divisor: number, tick: Tick): number {
  let code = 3;
  while (code > 0 && (firstTime % unitOf(code, tick) || divisor % unitOf(code, tick))) code--;
  return unitOf(code, tick);
}

/** Writes the header and returns the offset of the body. */
export function writeHeader(header: BatchHeader, target: Uint8Array): number {
  let unit = 3;
  while (unitOf(unit, header.tick) !== header.timeUnit) unit--;
  const more =
    (header.schemaHash === undefined ? 0 : SCHEMA) |
    (header.hasCrc ? CRC : 0) |
    (header.isLossy ? LOSSY : 0);
  let at = 0;
  target[at++] =
    (VERSION << 5) |
    (header.profile === "adaptive" ? ADAPTIVE : 0) |
    (more ? MORE : 0) |
    (header.tick === "us" ? MICROSECONDS : 0) |
    unit;
  if (more) target[at++] = more;
  if (header.schemaHash !== undefined) {
    target[at++] = header.schemaHash >> 8;
    target[at++] = header.schemaHash & 255;
  }
  const { rows } = header;
  if (rows >= 192) target[at++] = 192 + ((rows - 192) >> 8);
  target[at++] = rows >= 192 ? (rows - 192) & 255 : rows;
  const time = header.firstTime / header.timeUnit;
  // The sign stands apart: doubled, a time may need a bit more than a number has.
  let half = time < 0 ? -time - 1 : time;
  let group = (half % 64) * 2 + (time < 0 ? 1 : 0);
  half = Math.floor(half / 64);
  while (half > 0) {
    target[at++] = 128 | group;
    group = half % 128;
    half = Math.floor(half / 128);
  }
  target[at++] = group;
  return at;
}

/** Header and offset of the body. */
export interface ReadHeader extends BatchHeader {
  bodyOffset: number;
}

/**
 * Reads the clear header.
 * @throws GodwitError `malformed` for an unknown version or flag and for a header that ends early.
 */
export function readHeader(bytes: Uint8Array): ReadHeader {
  let at = 0;
  const next = (): number => {
    if (at >= bytes.length)
      throw new GodwitError("malformed", `delta batch: header ends early at byte ${at}`);
    return bytes[at++]!;
  };
  const head = next();
  if (head >> 5 !== VERSION)
    throw new GodwitError("malformed", `delta batch: unknown version ${head >> 5}`);
  const more = head & MORE ? next() : 0;
  if (more & ~KNOWN || (head & MORE && more === 0))
    throw new GodwitError("malformed", `delta batch: unknown flags ${more}`);
  const schemaHash = more & SCHEMA ? (next() << 8) | next() : undefined;
  const tick = head & MICROSECONDS ? "us" : "ms";
  let rows = next();
  if (rows >= 192) rows = 192 + ((rows - 192) << 8) + next();
  if (rows > ROWS_MAX) throw new GodwitError("malformed", `delta batch: ${rows} rows`);
  let byte = next();
  const isNegative = byte % 2 === 1;
  let half = (byte & 126) / 2;
  for (let scale = 64; byte > 127 && scale < 2 ** 55; scale *= 128) {
    byte = next();
    half += (byte & 127) * scale;
  }
  const unit = unitOf(head & 3, tick);
  const firstTime = (isNegative ? -half - 1 : half) * unit;
  if (byte > 127 || !Number.isSafeInteger(firstTime))
    throw new GodwitError("malformed", `delta batch: time beyond 53 bits at byte ${at}`);
  return {
    profile: head & ADAPTIVE ? "adaptive" : "static",
    tick,
    schemaHash,
    hasCrc: (more & CRC) !== 0,
    isLossy: (more & LOSSY) !== 0,
    rows,
    firstTime,
    timeUnit: unit,
    bodyOffset: at,
  };
}
