/** Send on change: holds back values that have moved by no more than the channel's deadband. */
import type { CborValue } from "../codec/cbor-value.ts";
import type { Channel } from "./batcher.ts";

export class Deadband {
  private readonly names: string[] = [];
  private readonly widths: number[] = [];
  /** What was sent last, and when. */
  private readonly sent: number[] = [];
  private readonly sentMs: number[] = [];

  constructor(channels: readonly Channel[]) {
    for (const { name, spec } of channels) {
      if (spec.deadband === undefined) continue;
      this.names.push(name);
      this.widths.push(spec.deadband);
      this.sent.push(Number.NaN);
      this.sentMs.push(-Infinity);
    }
  }

  /** Whether `value` is to be sent; if so, it is what the next one is compared with. */
  passes(name: string, value: CborValue, nowMs: number, heartbeatMs: number): boolean {
    const i = this.names.indexOf(name);
    if (i < 0 || typeof value !== "number") return true;
    const isResting = Math.abs(value - this.sent[i]!) <= this.widths[i]!;
    if (isResting && nowMs - this.sentMs[i]! < heartbeatMs) return false;
    this.sent[i] = value;
    this.sentMs[i] = nowMs;
    return true;
  }
}
