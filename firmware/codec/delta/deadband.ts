// Deadband publishing: a row is worth recording only if some channel left the band around its last recorded value.

/** Decides which rows to record; one per encoder. */
export class Deadband {
  private readonly bands: readonly number[];
  private readonly recorded: unknown[];

  /** @param bands half width of each channel's band in its unit; 0: every change counts */
  constructor(bands: readonly number[]) {
    this.bands = bands;
    this.recorded = bands.map(() => undefined);
  }

  /** Whether to record this row; if so, its values are the new centres of the bands. */
  admits(values: ArrayLike<unknown>): boolean {
    const { bands, recorded } = this;
    for (let i = 0; i < bands.length; i++) {
      const value = values[i] ?? undefined;
      const before = recorded[i];
      if (Object.is(value, before)) continue;
      const isNear =
        typeof value === "number" &&
        typeof before === "number" &&
        Math.abs(value - before) <= bands[i]!;
      if (isNear) continue;
      for (let j = 0; j < bands.length; j++) recorded[j] = values[j] ?? undefined;
      return true;
    }
    return false;
  }
}
