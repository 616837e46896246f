/** Who wants to know what became of a reading: it is followed by its rows and their batches, to the hub or the end. */
import { GodwitError } from "../codec/error.ts";
import type { Settled } from "../connection/types.ts";
import type { LogClass } from "./log/types.ts";

export type OnSettled = (outcome: Settled) => void;

/** Rows that may be followed at a time; readings beyond that are refused. */
export const RECEIPTS_MAX = 128;

/** A reading, which may have a row in each class. */
class Receipt {
  /** Rows whose fate is open. */
  rows = 0;
  outcome: Settled = "acknowledged";
  readonly onSettled: OnSettled;

  constructor(onSettled: OnSettled) {
    this.onSettled = onSettled;
  }
}

interface FollowedRow {
  readonly receipt: Receipt;
  readonly logClass: LogClass;
  /** Number of the row in its class. */
  readonly row: number;
  /** Of the batch that it went into; -1: it waits for one. */
  sequence: number;
}

export class Receipts {
  private followed: FollowedRow[] = [];
  private readonly failed: (error: unknown) => void;
  private open: Receipt | undefined;

  /** @param failed is told what callbacks throw */
  constructor(failed: (error: unknown) => void) {
    this.failed = failed;
  }

  /** Begins a reading. @throws GodwitError `limit` if too many are followed */
  begin(onSettled: OnSettled): void {
    // A reading has at most one row per class.
    if (this.followed.length > RECEIPTS_MAX - 3)
      throw new GodwitError("limit", `${RECEIPTS_MAX} readings wait for their onSettled already`);
    this.open = new Receipt(onSettled);
  }

  /** A row of the reading that was begun; -1: it could not be taken. */
  row(logClass: LogClass, row: number): void {
    const receipt = this.open;
    if (!receipt) return;
    if (row < 0) {
      receipt.outcome = "dropped";
      return;
    }
    receipt.rows++;
    this.followed.push({ receipt, logClass, row, sequence: -1 });
  }

  /** The reading that was begun has no further rows; without any (held back by its deadband) it is settled. */
  end(): void {
    const receipt = this.open;
    this.open = undefined;
    if (receipt?.rows === 0) this.tell(receipt, "dropped");
  }

  /** Rows from `first` up to `end` make the batch `sequence`; those before `first` that wait fit no batch. */
  batched(logClass: LogClass, first: number, end: number, sequence: number): void {
    for (const one of this.followed) {
      if (one.logClass !== logClass || one.sequence >= 0 || one.row >= end) continue;
      if (one.row >= first) one.sequence = sequence;
      else this.settle(one, "dropped");
    }
    this.sweep();
  }

  /** What became of the batches from `first` to `last`. */
  settled(logClass: LogClass, first: number, last: number, outcome: Settled): void {
    for (const one of this.followed) {
      const { sequence } = one;
      if (one.logClass === logClass && sequence >= 0 && sequence >= first && sequence <= last)
        this.settle(one, outcome);
    }
    this.sweep();
  }

  private settle(one: FollowedRow, outcome: Settled): void {
    one.sequence = -2;
    const { receipt } = one;
    if (outcome === "dropped") receipt.outcome = outcome;
    if (--receipt.rows === 0) this.tell(receipt, receipt.outcome);
  }

  private tell(receipt: Receipt, outcome: Settled): void {
    try {
      receipt.onSettled(outcome);
    } catch (error) {
      this.failed(error);
    }
  }

  /** A callback may have sent another reading meanwhile: it stays. */
  private sweep(): void {
    this.followed = this.followed.filter(({ sequence }) => sequence !== -2);
  }
}
