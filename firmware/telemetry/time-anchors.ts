/** Wall time for what is in flash already: batches stored before the clock was known, or before it was corrected. */
import type { Batch } from "./batcher.ts";
import type { LogClass } from "./log/types.ts";

/**
 * A clock corrected by less keeps the times that were told before: crystals drift, and a reading is best dated by the
 * clock of its own hour.
 */
export const JUMP_MS = 10_000;

const CLASSES: readonly LogClass[] = [0, 1, 2];

/** Says when the log needs an anchor: a record without readings that tells the Unix time of tick 0 of its boot. */
export class TimeAnchors {
  /** What the batches of this boot in the log say about that time, per class; NaN: nothing. */
  private readonly told: (number | undefined)[] = [undefined, undefined, undefined];

  /** A batch went into the log. */
  stored(logClass: LogClass, epochMs: number | undefined): void {
    this.told[logClass] = epochMs ?? Number.NaN;
  }

  /** Nothing of the class waits in the log. */
  forget(logClass: LogClass): void {
    this.told[logClass] = undefined;
  }

  /** Batches of this boot are in the log. */
  get isOpen(): boolean {
    return this.told.some((told) => told !== undefined);
  }

  /** The class whose batches need an anchor now that `epochMs` is known; undefined: none does. */
  due(epochMs: number | undefined): LogClass | undefined {
    if (epochMs === undefined) return undefined;
    return CLASSES.find((i) => {
      const told = this.told[i];
      return told !== undefined && !(Math.abs(told - epochMs) <= JUMP_MS);
    });
  }

  /** An anchor has been written: it dates all classes. */
  dropped(epochMs: number): void {
    for (const i of CLASSES) if (this.told[i] !== undefined) this.told[i] = epochMs;
  }
}

export function anchorOf(logClass: LogClass, tickMs: number): Batch {
  return { logClass, payload: new Uint8Array(0), bag: "", isTimed: true, firstMs: tickMs };
}
