// Loading into RAM through a boot ROM: how a stub gets onto a chip.

export interface RamBegin {
  readonly bytes: number;
  readonly blocks: number;
  readonly address: number;
}

export class EspRam {
  #begin: RamBegin = { bytes: 0, blocks: 0, address: 0 };
  #next = 0;
  readonly #loaded: { from: number; to: number }[] = [];

  begin(begin: RamBegin): void {
    this.#begin = begin;
    this.#next = 0;
  }

  /** False when the block is not the next one. */
  block(sequence: number): boolean {
    if (sequence !== this.#next) return false;
    this.#next++;
    const { address, bytes, blocks } = this.#begin;
    if (this.#next === blocks) this.#loaded.push({ from: address, to: address + bytes });
    return true;
  }

  /** True when code at `entry` was loaded completely. */
  holds(entry: number): boolean {
    return this.#loaded.some(({ from, to }) => entry >= from && entry < to);
  }
}
