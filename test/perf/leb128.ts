// The yardstick of the codec's meter: a plain LEB128 delta encoder with the decimals given, as one would write it by hand.
export class Leb128Encoder {
  readonly bytes = new Uint8Array(65_536);
  length = 0;
  private readonly scales: readonly number[];
  private readonly before: number[];

  constructor(decimals: readonly number[]) {
    this.scales = decimals.map((count) => 10 ** count);
    this.before = [0, ...decimals.map(() => 0)];
  }

  record(time: number, values: readonly (number | null)[]): void {
    this.put(0, time);
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      if (value === null || value === undefined) this.bytes[this.length++] = 0x80;
      else this.put(i + 1, Math.round(value * this.scales[i]!));
    }
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
