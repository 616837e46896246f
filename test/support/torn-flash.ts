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

/** One for all: sweeps throw it millions of times, and a stack trace says nothing. */
const POWER_CUT = new PowerCut("power cut");
/** Below this, a loop is faster than a view. */
const SHORT_BYTES = 32;

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
  /** Units programmed since their erase, whole or not: none may be programmed twice. */
  readonly #written: Uint8Array;
  operations = 0;
  programmedBytes = 0;
  reads = 0;
  readBytes = 0;
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

  /** Becomes what `other`, of the same shape, is now, powered: a branch without an allocation. */
  branchFrom(other: TornFlash): void {
    this.bytes.set(other.bytes);
    this.#written.set(other.#written);
    this.erases.set(other.erases);
    this.operations = other.operations;
    this.onOperation = undefined;
    this.violation = undefined;
    this.revive();
  }

  /** The power comes back; what was on the way is gone. */
  revive(): void {
    this.cutAt = Infinity;
    this.isDead = false;
  }

  read(offset: number, target: Uint8Array): void {
    const { length } = target;
    this.#check(offset, length);
    this.reads++;
    this.readBytes += length;
    if (length > SHORT_BYTES) target.set(this.bytes.subarray(offset, offset + length));
    else for (let i = 0; i < length; i++) target[i] = this.bytes[offset + i]!;
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
    const isCut = this.#begin("program", offset, bytes);
    this.programmedBytes += bytes.length;
    const isTraced = !isCut || this.#tear({ kind: "program", offset, bytes });
    if (!isCut) for (let i = 0; i < bytes.length; i++) this.bytes[offset + i]! &= bytes[i]!;
    // A torn program that has left a trace may have weakened all its units, those that read blank as well.
    if (isTraced) this.#written.fill(1, offset / unitBytes, (offset + bytes.length) / unitBytes);
    if (isCut) throw POWER_CUT;
  }

  erase(sectorIndex: number): void {
    const offset = sectorIndex * this.sectorBytes;
    this.#check(offset, this.sectorBytes);
    const isCut = this.#begin("erase", offset, undefined);
    this.erases[sectorIndex]!++;
    if (isCut) {
      // A torn erase makes no unit fit for programming, not even one that reads blank now.
      this.#tear({ kind: "erase", offset, bytes: new Uint8Array(this.sectorBytes).fill(255) });
      throw POWER_CUT;
    }
    const unit = offset / this.unitBytes;
    this.#written.fill(0, unit, unit + this.sectorBytes / this.unitBytes);
    this.bytes.fill(255, offset, offset + this.sectorBytes);
  }

  #refuse(text: string): never {
    this.violation ??= text;
    throw new RangeError(text);
  }

  #begin(kind: Operation["kind"], offset: number, bytes: Uint8Array | undefined): boolean {
    // A copy: whoever programs may use its buffer again.
    const copy = () => bytes?.slice() ?? new Uint8Array(this.sectorBytes).fill(255);
    if (this.onOperation) this.onOperation({ kind, offset, bytes: copy() });
    this.isDead = this.operations++ === this.cutAt;
    return this.isDead;
  }

  /** Returns whether anything can be seen of it. */
  #tear(operation: Operation): boolean {
    const { offset, bytes } = operation;
    const before = this.bytes.slice(offset, offset + bytes.length);
    const after = torn(operation, before, this.form, offset * 31 + this.operations);
    this.bytes.set(after, offset);
    return after.some((byte, i) => byte !== before[i]);
  }

  #check(offset: number, length: number): void {
    if (this.isDead) throw POWER_CUT;
    if (!Number.isInteger(offset) || offset < 0 || offset + length > this.sizeBytes) {
      throw new RangeError(`flash access ${offset}+${length} outside ${this.sizeBytes}`);
    }
  }
}
