// Persistent parts of a simulated board: key-value store and NOR flash. They outlive its power cuts.
import type { Flash } from "../../firmware/ports/flash.ts";
import type { KeyValue } from "../../firmware/ports/storage.ts";

/** NVS-like store: keys of at most 15 characters, bounded values, each write atomic. */
export class MemoryKeyValue implements KeyValue {
  readonly valueBytesMax: number;
  readonly #entries = new Map<string, Uint8Array>();
  /** Told of every change, so that a copy can be kept elsewhere; no value: deleted. */
  onChange: ((key: string, value: Uint8Array | undefined) => void) | undefined;
  /** Writes so far: flash wear of the board. */
  writes = 0;

  constructor(valueBytesMax = 4000) {
    this.valueBytesMax = valueBytesMax;
  }

  read(key: string): Uint8Array | undefined {
    return this.#entries.get(key)?.slice();
  }

  write(key: string, value: Uint8Array): void {
    if (key.length === 0 || key.length > 15)
      throw new RangeError(`key '${key}': 1 to 15 characters`);
    if (value.length > this.valueBytesMax) {
      throw new RangeError(`value of ${value.length} bytes, ${this.valueBytesMax} allowed`);
    }
    this.writes++;
    const kept = value.slice();
    this.#entries.set(key, kept);
    this.onChange?.(key, kept);
  }

  delete(key: string): void {
    if (this.#entries.delete(key)) this.onChange?.(key, undefined);
  }

  keys(): string[] {
    return [...this.#entries.keys()];
  }
}

/** NOR flash: a program operation can only clear bits and must stay inside one page. */
export class NorFlash implements Flash {
  readonly sizeBytes: number;
  readonly sectorBytes = 4096;
  readonly pageBytes = 256;
  readonly bytes: Uint8Array<ArrayBufferLike>;
  /** Erases per sector: wear. */
  readonly erases: Uint32Array;
  /** Called before each operation; may throw to simulate a power cut. */
  onOperation: ((kind: "program" | "erase", offset: number, length: number) => void) | undefined;

  /** `bytes`: flash that exists already, for example shared with another thread. Default: erased. */
  constructor(
    sizeBytes: number,
    bytes: Uint8Array<ArrayBufferLike> = new Uint8Array(sizeBytes).fill(0xff),
  ) {
    if (sizeBytes % this.sectorBytes !== 0) throw new RangeError("size: whole sectors");
    if (bytes.length !== sizeBytes) throw new RangeError(`${bytes.length} bytes for ${sizeBytes}`);
    this.sizeBytes = sizeBytes;
    this.bytes = bytes;
    this.erases = new Uint32Array(sizeBytes / this.sectorBytes);
  }

  read(offset: number, target: Uint8Array): void {
    this.#check(offset, target.length);
    target.set(this.bytes.subarray(offset, offset + target.length));
  }

  program(offset: number, bytes: Uint8Array): void {
    this.#check(offset, bytes.length);
    const page = Math.floor(offset / this.pageBytes);
    if (Math.floor((offset + Math.max(bytes.length, 1) - 1) / this.pageBytes) !== page) {
      throw new RangeError(`program of ${bytes.length} bytes at ${offset} crosses a page`);
    }
    for (let i = 0; i < bytes.length; i++) {
      if ((this.bytes[offset + i]! & bytes[i]!) !== bytes[i]!) {
        throw new RangeError(`program at ${offset + i} would set bits: erase first`);
      }
    }
    this.onOperation?.("program", offset, bytes.length);
    for (let i = 0; i < bytes.length; i++) this.bytes[offset + i]! &= bytes[i]!;
  }

  erase(sectorIndex: number): void {
    const offset = sectorIndex * this.sectorBytes;
    this.#check(offset, this.sectorBytes);
    this.onOperation?.("erase", offset, this.sectorBytes);
    this.erases[sectorIndex]!++;
    this.bytes.fill(0xff, offset, offset + this.sectorBytes);
  }

  #check(offset: number, length: number): void {
    if (!Number.isInteger(offset) || offset < 0 || offset + length > this.sizeBytes) {
      throw new RangeError(`flash access ${offset}+${length} outside ${this.sizeBytes}`);
    }
  }
}
