// NOR flash that loses power inside an operation: torn programs and erases, then nothing until it is opened again.
import type { Flash } from "../../firmware/ports/flash.ts";

/** What a program leaves when the power goes: bits that should have become 0 and did not are the damage. */
export const PROGRAM_FORMS = [
  "nothing",
  "firstByte",
  "half",
  "allButLast",
  "everything",
  "oneBitLeft",
  "suffix",
  "randomBits",
] as const;
export const ERASE_FORMS = [
  "nothing",
  "everything",
  "firstHalf",
  "secondHalf",
  "randomBits",
] as const;
export type Form = (typeof PROGRAM_FORMS)[number] | (typeof ERASE_FORMS)[number];

export interface Operation {
  readonly kind: "program" | "erase";
  readonly offset: number;
  /** What is programmed; for an erase all 0xFF. */
  readonly bytes: Uint8Array;
}

export class PowerCut extends Error {}

export interface FlashShape {
  readonly sectorBytes: number;
  readonly sectorCount: number;
  readonly pageBytes: number;
  readonly unitBytes: number;
}

/** Small deterministic generator: torn bits must not depend on anything but the place of the cut. */
export function mixer(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 8;
  };
}

/** What `operation` leaves of `before` when it is torn in `form`. */
function torn(operation: Operation, before: Uint8Array, form: Form, seed: number): Uint8Array {
  const { bytes, kind } = operation;
  const done = kind === "erase" ? bytes : before.map((byte, i) => byte & bytes[i]!);
  const { length } = done;
  const mix = (takesNew: (i: number) => boolean) =>
    done.map((byte, i) => (takesNew(i) ? byte : before[i]!));
  const next = mixer(seed);
  switch (form) {
    case "nothing":
      return before.slice();
    case "everything":
      return done;
    case "firstByte":
      return mix((i) => i === 0);
    case "half":
    case "firstHalf":
      return mix((i) => i < length >> 1);
    case "suffix":
    case "secondHalf":
      return mix((i) => i >= length >> 1);
    case "allButLast":
      return mix((i) => i < length - 1);
    case "oneBitLeft": {
      const at = next() % length;
      const changed = done.slice();
      const open = before[at]! & ~done[at]!;
      changed[at]! |= open & -open;
      return changed;
    }
    case "randomBits":
      return done.map((byte, i) => {
        const mask = next() & 255;
        return (byte & mask) | (before[i]! & ~mask);
      });
  }
}

export class TornFlash implements Flash {
  readonly sizeBytes: number;
  readonly sectorBytes: number;
  readonly pageBytes: number;
  readonly unitBytes: number;
  readonly bytes: Uint8Array;
  readonly erases: Uint32Array;
  /** Units programmed since their erase: none may be programmed twice. */
  readonly #written: Uint8Array;
  operations = 0;
  programmedBytes = 0;
  /** Told about every operation before it happens. */
  onOperation: ((operation: Operation) => void) | undefined;
  /** Power goes inside the operation of this number. */
  cutAt = Infinity;
  form: Form = "nothing";
  isDead = false;
  /** The first broken rule of the chip: the log survives the exception, the test must not. */
  violation: string | undefined;

  constructor(shape: FlashShape, image?: Uint8Array, written?: Uint8Array) {
    this.sectorBytes = shape.sectorBytes;
    this.pageBytes = shape.pageBytes;
    this.unitBytes = shape.unitBytes;
    this.sizeBytes = shape.sectorBytes * shape.sectorCount;
    this.bytes = image?.slice() ?? new Uint8Array(this.sizeBytes).fill(0xff);
    this.#written = written?.slice() ?? new Uint8Array(this.sizeBytes / shape.unitBytes);
    this.erases = new Uint32Array(shape.sectorCount);
  }

  /** The same chip after the power has come back. */
  reopened(): TornFlash {
    const shape = { ...this, sectorCount: this.erases.length };
    return new TornFlash(shape, this.bytes, this.#written);
  }

  read(offset: number, target: Uint8Array): void {
    this.#check(offset, target.length);
    target.set(this.bytes.subarray(offset, offset + target.length));
  }

  program(offset: number, bytes: Uint8Array): void {
    this.#check(offset, bytes.length);
    const { unitBytes, pageBytes } = this;
    if (offset % unitBytes || bytes.length % unitBytes || bytes.length === 0) {
      this.#refuse(`program of ${bytes.length} bytes at ${offset}: whole units only`);
    }
    if (Math.floor(offset / pageBytes) !== Math.floor((offset + bytes.length - 1) / pageBytes)) {
      this.#refuse(`program of ${bytes.length} bytes at ${offset} crosses a page`);
    }
    for (let at = offset / unitBytes; at < (offset + bytes.length) / unitBytes; at++) {
      if (this.#written[at]) this.#refuse(`unit ${at} is programmed twice`);
    }
    const isCut = this.#begin({ kind: "program", offset, bytes: bytes.slice() });
    this.programmedBytes += bytes.length;
    try {
      this.#apply({ kind: "program", offset, bytes }, isCut);
    } finally {
      // Of a torn program only the units count that it has reached.
      for (let at = offset; at < offset + bytes.length; at += unitBytes) {
        const unit = this.bytes.subarray(at, at + unitBytes);
        if (!isCut || unit.some((byte) => byte !== 255)) this.#written[at / unitBytes] = 1;
      }
    }
  }

  erase(sectorIndex: number): void {
    const offset = sectorIndex * this.sectorBytes;
    this.#check(offset, this.sectorBytes);
    const operation = {
      kind: "erase",
      offset,
      bytes: new Uint8Array(this.sectorBytes).fill(255),
    } as const;
    const isCut = this.#begin(operation);
    this.erases[sectorIndex]!++;
    const units = offset / this.unitBytes;
    // A torn erase makes no unit fit for programming, not even one that reads blank now.
    if (!isCut) this.#written.fill(0, units, units + this.sectorBytes / this.unitBytes);
    this.#apply(operation, isCut);
  }

  #refuse(text: string): never {
    this.violation ??= text;
    throw new RangeError(text);
  }

  #begin(operation: Operation): boolean {
    this.onOperation?.(operation);
    this.isDead = this.operations++ === this.cutAt;
    return this.isDead;
  }

  #apply(operation: Operation, isCut: boolean): void {
    const { offset, bytes } = operation;
    const before = this.bytes.slice(offset, offset + bytes.length);
    const form = isCut ? this.form : "everything";
    this.bytes.set(torn(operation, before, form, offset * 31 + this.operations), offset);
    if (isCut) throw new PowerCut();
  }

  #check(offset: number, length: number): void {
    if (this.isDead) throw new PowerCut();
    if (!Number.isInteger(offset) || offset < 0 || offset + length > this.sizeBytes) {
      throw new RangeError(`flash access ${offset}+${length} outside ${this.sizeBytes}`);
    }
  }
}
