// The yardstick of the codec's meter: a plain LEB128 delta encoder with the decimals given, as one would write it by hand.
import { PlainRecorder } from "./plain-recorder.ts";

export class Leb128Encoder extends PlainRecorder {
  readonly bytes = new Uint8Array(65_536);
  length = 0;
  private readonly scales: readonly number[];
  private readonly before: number[];

  constructor(decimals: readonly number[], rowsMax: number) {
    super(decimals.length, rowsMax);
    this.scales = decimals.map((count) => 10 ** count);
    this.before = [0, ...decimals.map(() => 0)];
  }

  /** Codes all recorded rows, forgets them, and returns the number of bytes. */
  encode(): number {
    const { cells, count, rowsMax, scales, times, width } = this;
    this.length = 0;
    for (let row = 0; row < count; ++row) {
      this.put(0, times[row]!);
      for (let i = 0; i < width; ++i) {
        const value = cells[row + i * rowsMax]!;
        if (Number.isNaN(value)) this.bytes[this.length++] = 0x80;
        else this.put(i + 1, Math.round(value * scales[i]!));
      }
    }
    this.count = 0;
    return this.length;
  }

  private put(index: number, whole: number): void {
    const step = whole - this.before[index]!;
    this.before[index] = whole;
    let rest = step < 0 ? -2 * step - 1 : 2 * step;
    while (rest > 127) {
      this.bytes[this.length++] = (rest % 128) + 128;
      rest = Math.floor(rest / 128);
    }
    this.bytes[this.length++] = rest;
  }
}
