// Cuts the power of a flash log inside every flash operation, in every torn form, and compares all bytes after it.
import type { FlashLog } from "../../firmware/telemetry/log/flash-log.ts";
import type { FlashLogOptions, LogClass } from "../../firmware/telemetry/log/types.ts";
import { LOG_CLASSES, LogOracle, type PayloadBytes } from "./log-oracle.ts";
import type { Step } from "./log-scripts.ts";
import {
  ERASE_FORMS,
  type FlashShape,
  type Form,
  type Operation,
  PowerCut,
  PROGRAM_FORMS,
  TornFlash,
} from "./torn-flash.ts";

export type OpenLog = (options: FlashLogOptions) => FlashLog;

export interface SweepOptions {
  readonly open: OpenLog;
  readonly shape: FlashShape;
  readonly script: readonly Step[];
  /** What happens after each cut, before the second boot. */
  readonly after: readonly Step[];
  readonly acksMax: number;
  /** Every how many cuts the steps after it are cut as well, in all their operations; 0: never, 1: always. */
  readonly depthEvery: number;
  readonly payloadBytes?: PayloadBytes;
}

export interface SweepResult {
  cuts: number;
  cutsInRecovery: number;
  operations: number;
  /** Records that made room or were refused in the run without a cut. */
  lost: number;
  /** How often that run went round the ring: erases per sector. */
  turns: number;
}

class Session {
  log: FlashLog;
  readonly flash: TornFlash;
  readonly oracle: LogOracle;
  /** What a visitor found: thrown inside an operation, it would pass for a failing flash. */
  failure: unknown;
  private readonly options: SweepOptions;

  constructor(options: SweepOptions, flash: TornFlash, oracle: LogOracle) {
    this.options = options;
    this.flash = flash;
    this.oracle = oracle;
    this.log = this.mount();
  }

  /** A cut must not get lost in a catch of the log: a dead flash ends the run whatever the log made of it. */
  run(steps: readonly Step[]): void {
    for (const step of steps) {
      try {
        this.step(step);
      } catch (error) {
        throw this.failure ?? error;
      }
      if (this.failure) throw this.failure;
      if (this.log.counters.deferredSaves > 0) this.oracle.isDeferred = true;
      if (this.flash.isDead) throw new PowerCut();
      if (this.flash.violation) throw new Error(this.flash.violation);
    }
  }

  mount(): FlashLog {
    this.oracle.boots++;
    const { open, shape, acksMax } = this.options;
    return open({
      flash: this.flash,
      bootId: this.oracle.boots,
      unitBytes: shape.unitBytes,
      acksMax,
    });
  }

  private step(step: Step): void {
    const { log, oracle } = this;
    switch (step.do) {
      case "store":
        for (let i = 0; i < step.count; i++) this.store(step.logClass);
        return;
      case "drain":
        for (let i = 0; i < step.count; i++) this.drain();
        return;
      case "save":
        log.save();
        return;
      case "tell":
        for (const logClass of LOG_CLASSES) {
          const lost = log.lost(logClass);
          if (!lost) continue;
          oracle.told[logClass]! += lost.count;
          log.acknowledgeLost(logClass, lost);
        }
        return;
      case "boot":
        this.log = this.mount();
        oracle.check(this.log, this.options.acksMax);
    }
  }

  private store(logClass: LogClass): void {
    const { oracle } = this;
    const { boots: bootId } = oracle;
    const sequence = oracle.sequences[logClass]!++;
    oracle.pending = { logClass, bootId, sequence };
    const payload = oracle.payload(logClass, bootId, sequence);
    const isStored = this.log.append(logClass, sequence, payload);
    if (this.flash.isDead) throw new PowerCut();
    oracle.pending = undefined;
    if (isStored) oracle.stored[logClass]!.push({ bootId, sequence, isAcked: false });
    else oracle.refused[logClass]!++;
  }

  private drain(): void {
    const entry = this.log.next();
    if (!entry) return;
    const { logClass, bootId, sequence } = entry;
    this.oracle.acknowledge(logClass, bootId, sequence);
    this.log.acknowledge(logClass, entry.ordinal);
  }
}

/** Everything that holds before one operation: to cut there, nothing has to be run again. */
interface Moment {
  readonly operation: Operation;
  readonly flash: TornFlash;
  readonly oracle: LogOracle;
}

/** Runs `steps` and calls `visit` before each flash operation. */
function watch(session: Session, steps: readonly Step[], visit: (moment: Moment) => void): void {
  const { flash, oracle } = session;
  flash.onOperation = (operation) => {
    if (session.failure) return;
    if (session.log.counters.deferredSaves > 0) oracle.isDeferred = true;
    try {
      visit({ operation, flash, oracle });
    } catch (error) {
      session.failure = error;
    }
  };
  session.run(steps);
  flash.onOperation = undefined;
}

/** Makes `branch` the flash of `moment` after its operation was cut, powered again. */
function cut({ operation, flash }: Moment, form: Form, branch: TornFlash): TornFlash {
  branch.branchFrom(flash);
  branch.cutAt = branch.operations;
  branch.form = form;
  try {
    if (operation.kind === "program") branch.program(operation.offset, operation.bytes);
    else branch.erase(operation.offset / branch.sectorBytes);
  } catch (error) {
    if (!(error instanceof PowerCut)) throw error;
  }
  branch.revive();
  return branch;
}

class Sweep {
  readonly result: SweepResult = { cuts: 0, cutsInRecovery: 0, operations: 0, lost: 0, turns: 0 };
  private readonly options: SweepOptions;
  /** The flash of the branch at each depth; written over by the next one. */
  private readonly branches: readonly TornFlash[];

  constructor(options: SweepOptions) {
    this.options = options;
    this.branches = [new TornFlash(options.shape), new TornFlash(options.shape)];
  }

  run(): SweepResult {
    const { options, result } = this;
    const oracle = new LogOracle(options.payloadBytes);
    const session = new Session(options, new TornFlash(options.shape), oracle);
    watch(session, options.script, (moment) => {
      result.operations++;
      this.cutAll(moment, 0);
    });
    // The run without a cut must hold as well.
    oracle.check(session.log, options.acksMax);
    for (const i of LOG_CLASSES) result.lost += (session.log.lost(i)?.count ?? 0) + oracle.told[i]!;
    const erases = session.flash.erases.reduce((sum, count) => sum + count, 0);
    result.turns = Math.floor(erases / options.shape.sectorCount);
    return result;
  }

  /** Cuts one operation in each of its forms. */
  private cutAll(moment: Moment, depth: 0 | 1): void {
    const { result } = this;
    const { kind } = moment.operation;
    for (const form of kind === "program" ? PROGRAM_FORMS : ERASE_FORMS) {
      result.cuts++;
      result.cutsInRecovery += depth;
      try {
        this.recover(moment, form, depth);
      } catch (error) {
        const place = depth === 0 ? `operation ${result.operations}` : "recovery";
        const text = `cut in ${place} (${kind}, ${form}): ${(error as Error).message}`;
        throw new Error(text, { cause: error });
      }
    }
  }

  /** First boot, work, second boot. Of some, every operation of that work is cut in every form, too. */
  private recover(moment: Moment, form: Form, depth: 0 | 1): void {
    const { after, acksMax, depthEvery } = this.options;
    const isDeep = depth === 0 && depthEvery > 0 && this.result.cuts % depthEvery === 0;
    const oracle = moment.oracle.clone();
    const flash = cut(moment, form, this.branches[depth]!);
    const session = new Session(this.options, flash, oracle);
    oracle.check(session.log, acksMax);
    if (isDeep) watch(session, after, (deeper) => this.cutAll(deeper, 1));
    else session.run(after);
    if (depth === 0) oracle.check(session.log, acksMax);
    session.log = session.mount();
    oracle.check(session.log, acksMax);
    if (flash.violation) throw new Error(flash.violation);
  }
}

/** @throws Error at the first promise that is broken, naming operation and form */
export function sweep(options: SweepOptions): SweepResult {
  return new Sweep(options).run();
}
