// Cuts the power of a flash log inside every flash operation, in every torn form, and compares all bytes after it.
import type { FlashLog } from "../../firmware/telemetry/log/flash-log.ts";
import type { FlashLogOptions, LogClass } from "../../firmware/telemetry/log/types.ts";
import { LOG_CLASSES, LogOracle, payloadOf } from "./log-oracle.ts";
import {
  ERASE_FORMS,
  type FlashShape,
  mixer,
  PowerCut,
  PROGRAM_FORMS,
  TornFlash,
} from "./torn-flash.ts";

export type OpenLog = (options: FlashLogOptions) => FlashLog;

/** `fill` stores, `drain` reads and acknowledges, `save` writes the watermark, `tell` reports losses, `boot` restarts. */
export type Step =
  | { do: "store"; logClass: LogClass; count: number }
  | { do: "drain"; count: number }
  | { do: "save" }
  | { do: "tell" }
  | { do: "boot" };

export interface SweepOptions {
  readonly open: OpenLog;
  readonly shape: FlashShape;
  readonly script: readonly Step[];
  /** What happens after each cut, before the second boot. */
  readonly after: readonly Step[];
  readonly acksMax: number;
  /** Every how many cuts the steps after it are cut as well, in all their operations; 0: never. */
  readonly depthEvery: number;
}

export interface SweepResult {
  cuts: number;
  cutsInRecovery: number;
  operations: number;
  /** Records that made room or were refused in the run without a cut. */
  lost: number;
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
    const isStored = this.log.append(logClass, sequence, payloadOf(logClass, bootId, sequence));
    if (this.flash.isDead) throw new PowerCut();
    oracle.pending = undefined;
    if (isStored) oracle.stored[logClass]!.push({ bootId, sequence, isAcked: false });
    else oracle.refused[logClass]!++;
  }

  private drain(): void {
    const entry = this.log.next();
    if (!entry) return;
    const { logClass, bootId, sequence } = entry;
    const record = this.oracle.stored[logClass]!.find(
      (one) => one.bootId === bootId && one.sequence === sequence,
    );
    if (!record) throw new Error(`class ${logClass}: ${bootId}/${sequence} was never stored`);
    record.isAcked = true;
    this.log.acknowledge(logClass, entry.ordinal);
  }
}

/** Everything that holds before one operation: to cut there, nothing has to be run again. */
interface Moment {
  readonly operation: "program" | "erase";
  readonly flash: TornFlash;
  readonly oracle: LogOracle;
  readonly act: (flash: TornFlash) => void;
}

/** Runs `steps` and calls `visit` before each flash operation. */
function watch(session: Session, steps: readonly Step[], visit: (moment: Moment) => void): void {
  session.flash.onOperation = (operation) => {
    if (session.failure) return;
    if (session.log.counters.deferredSaves > 0) session.oracle.isDeferred = true;
    try {
      visit({
        operation: operation.kind,
        flash: session.flash,
        oracle: session.oracle,
        act: (flash) => {
          if (operation.kind === "program") flash.program(operation.offset, operation.bytes);
          else flash.erase(operation.offset / flash.sectorBytes);
        },
      });
    } catch (error) {
      session.failure = error;
    }
  };
  session.run(steps);
  session.flash.onOperation = undefined;
}

function cut(moment: Moment, form: (typeof PROGRAM_FORMS | typeof ERASE_FORMS)[number]): TornFlash {
  const dying = moment.flash.reopened();
  dying.cutAt = 0;
  dying.form = form;
  try {
    moment.act(dying);
  } catch (error) {
    if (!(error instanceof PowerCut)) throw error;
  }
  return dying.reopened();
}

/** @throws Error at the first promise that is broken, naming operation and form */
export function sweep(options: SweepOptions): SweepResult {
  const result = { cuts: 0, cutsInRecovery: 0, operations: 0, lost: 0 };
  const session = new Session(options, new TornFlash(options.shape), new LogOracle());
  watch(session, options.script, (moment) => {
    result.operations++;
    for (const form of moment.operation === "program" ? PROGRAM_FORMS : ERASE_FORMS) {
      try {
        result.cuts++;
        const isDeep = options.depthEvery > 0 && result.cuts % options.depthEvery === 0;
        recover(options, cut(moment, form), moment.oracle.clone(), isDeep ? result : undefined);
      } catch (error) {
        const text = (error as Error).message;
        throw new Error(
          `cut in operation ${result.operations} (${moment.operation}, ${form}): ${text}`,
          {
            cause: error,
          },
        );
      }
    }
  });
  // The run without a cut must hold as well.
  session.oracle.check(session.log, options.acksMax);
  for (const i of LOG_CLASSES) {
    result.lost += (session.log.lost(i)?.count ?? 0) + session.oracle.told[i]!;
  }
  return result;
}

/** First boot, work, second boot. With `deep`, every operation of that work is cut in every form, too. */
function recover(
  options: SweepOptions,
  flash: TornFlash,
  oracle: LogOracle,
  deep: SweepResult | undefined,
): void {
  const session = new Session(options, flash, oracle);
  oracle.check(session.log, options.acksMax);
  if (deep) {
    watch(session, options.after, (moment) => {
      for (const form of moment.operation === "program" ? PROGRAM_FORMS : ERASE_FORMS) {
        deep.cuts++;
        deep.cutsInRecovery++;
        recover(options, cut(moment, form), moment.oracle.clone(), undefined);
      }
    });
  } else session.run(options.after);
  oracle.check(session.log, options.acksMax);
  const again = new Session(options, flash.reopened(), oracle);
  oracle.check(again.log, options.acksMax);
}

const store = (logClass: LogClass, count: number): Step => ({ do: "store", logClass, count });
const drain = (count: number): Step => ({ do: "drain", count });

/** Fills, overflows, drains and restarts a small ring, by seed. */
export function scriptOf(seed: number, steps: number): Step[] {
  const next = mixer(seed);
  const script: Step[] = [store(2, 8), store(1, 12), store(0, 3), drain(4)];
  for (let i = 0; i < steps; i++) {
    const roll = next() % 16;
    if (roll < 9) script.push(store((roll % 3) as LogClass, 1 + (next() % 9)));
    else if (roll < 12) script.push(drain(1 + (next() % 10)));
    else if (roll < 13) script.push({ do: "save" });
    else if (roll < 14) script.push({ do: "tell" });
    else script.push({ do: "boot" });
  }
  return script;
}

/** Work between two boots: every class gets records, some are acknowledged, the watermark is written. */
export const AFTER: readonly Step[] = [
  store(1, 3),
  store(0, 1),
  drain(9),
  { do: "save" },
  store(2, 2),
];

export const SMALL: FlashShape = { sectorBytes: 512, sectorCount: 9, pageBytes: 256, unitBytes: 4 };

/** As few sectors as there may be: the ring turns soon. */
export const TIGHT: FlashShape = { ...SMALL, sectorCount: 6 };
