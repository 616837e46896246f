/** Records on raw NOR flash: written once per program unit, page by page, checked on the way back (SPEC.md §2.2). */
import { crc32 } from "../../codec/crc32.ts";
import type { Flash } from "../../ports/flash.ts";
import { RECORD_HEAD_BYTES, readUint32, writeUint32 } from "./log-format.ts";

/** Bytes to be written as one record. */
export interface RecordParts {
  readonly kind: number;
  /** Place among the data records of the sector. */
  readonly index: number;
  /** Of data: boot and sequence (`stampOf`). */
  readonly value: number;
  readonly payload: Uint8Array;
  readonly payloadBytes: number;
}

export class LogMedium {
  readonly flash: Flash;
  readonly sectorBytes: number;
  readonly sectorCount: number;
  /** One page; holds what was read or written last. */
  readonly page: Uint8Array;
  private readonly unitBytes: number;
  private readonly head = new Uint8Array(RECORD_HEAD_BYTES);
  /** Where `loadHead` has read, and the CRC over its head. */
  private at = 0;
  private crc = 0;
  /** The part of the head that the CRC begins with. */
  private readonly covered: Uint8Array;

  constructor(flash: Flash, unitBytes: number) {
    this.flash = flash;
    this.unitBytes = unitBytes;
    this.sectorBytes = flash.sectorBytes;
    this.sectorCount = Math.floor(flash.sizeBytes / flash.sectorBytes);
    this.page = new Uint8Array(flash.pageBytes);
    this.covered = this.head.subarray(0, 8);
  }

  /** Flash that `bytes` take, in whole units. */
  padded(bytes: number): number {
    return (bytes + this.unitBytes - 1) & -this.unitBytes;
  }

  recordBytes(payloadBytes: number): number {
    return this.padded(RECORD_HEAD_BYTES + payloadBytes);
  }

  get stepBytes(): number {
    return this.unitBytes;
  }

  /** What `loadHead` found. */
  get kind(): number {
    return this.head[0]! >> 4;
  }
  get payloadBytes(): number {
    return ((this.head[0]! & 15) << 8) | this.head[1]!;
  }
  get index(): number {
    return this.head[2]!;
  }
  get value(): number {
    return readUint32(this.head, 4);
  }

  /** Reads the head of a record; false unless a record of this place seems to begin at `offset`. */
  loadHead(sector: number, opening: number, offset: number): boolean {
    const { head } = this;
    if (offset + RECORD_HEAD_BYTES > this.sectorBytes) return false;
    this.at = sector * this.sectorBytes + offset;
    this.flash.read(this.at, head);
    const check = head[3]!;
    head[3] = 0;
    this.crc = crc32(this.covered, placeOf(opening, offset));
    if ((this.crc & 255) !== check) return false;
    return this.recordBytes(this.payloadBytes) <= this.sectorBytes - offset;
  }

  /** Whether head and payload of what `loadHead` found are what was written there. */
  isWhole(): boolean {
    const { payloadBytes } = this;
    let { crc } = this;
    for (let done = 0; done < payloadBytes; ) {
      const part = this.page.subarray(0, Math.min(this.page.length, payloadBytes - done));
      this.flash.read(this.at + RECORD_HEAD_BYTES + done, part);
      crc = crc32(part, crc);
      done += part.length;
    }
    return crc === readUint32(this.head, 8);
  }

  /** The payload of what `loadHead` found; undefined if it is not whole. Read once: weak bits may read otherwise then. */
  take(): Uint8Array | undefined {
    const bytes = new Uint8Array(this.payloadBytes);
    this.flash.read(this.at + RECORD_HEAD_BYTES, bytes);
    return crc32(bytes, this.crc) === readUint32(this.head, 8) ? bytes : undefined;
  }

  /** Writes a record and reads it back; false if it is not there. @throws what the flash throws */
  store(sector: number, opening: number, offset: number, parts: RecordParts): boolean {
    const { head } = this;
    const { payload, payloadBytes } = parts;
    head[0] = (parts.kind << 4) | (payloadBytes >> 8);
    head[1] = payloadBytes;
    head[2] = parts.index;
    head[3] = 0;
    writeUint32(head, 4, parts.value);
    const body = payload.length === payloadBytes ? payload : payload.subarray(0, payloadBytes);
    const crc = crc32(this.covered, placeOf(opening, offset));
    head[3] = crc;
    writeUint32(head, 8, crc32(body, crc));
    this.program(sector * this.sectorBytes + offset, body);
    return this.loadHead(sector, opening, offset) && this.isWhole();
  }

  /** Head and `body`, padded to whole units, in as many programs as there are pages. */
  private program(at: number, body: Uint8Array): void {
    const { page, head } = this;
    const total = this.recordBytes(body.length);
    for (let done = 0; done < total; ) {
      const count = Math.min(page.length - ((at + done) % page.length), total - done);
      for (let i = 0; i < count; i++) {
        const from = done + i;
        // Past the end of the body: padding.
        page[i] = from < RECORD_HEAD_BYTES ? head[from]! : (body[from - RECORD_HEAD_BYTES] ?? 0xff);
      }
      this.flash.program(at + done, page.subarray(0, count));
      done += count;
    }
  }

  /** Offset behind the last byte of the sector that is not blank. */
  usedBytes(sector: number): number {
    const { page } = this;
    for (let end = this.sectorBytes; end > 0; end -= page.length) {
      this.flash.read(sector * this.sectorBytes + end - page.length, page);
      let i = page.length;
      while (i > 0 && page[i - 1] === 0xff) i--;
      if (i > 0) return end - page.length + i;
    }
    return 0;
  }
}

/** A record counts only where it was written: not as an image inside a payload, not after its sector was reused. */
function placeOf(opening: number, offset: number): number {
  return (Math.imul(opening, 4096) + offset) >>> 0;
}
