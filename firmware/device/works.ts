/** Periodic and single works on the monotonic clock: no drift, no bursts after a stall, no overlap with itself. */
import { GodwitError } from "../codec/error.ts";
import type { Guard } from "./guard.ts";

/** Works a device may have at a time; adding more throws. */
const worksMax = 32;

/** A promise keeps the next runs back until it settles. */
export type Work = () => unknown;

export class Periodic {
  /** Monotonic time of the next run; Infinity: none. */
  nextMs = Infinity;
  isRunning = false;
  readonly isOnce: boolean;
  readonly work: Work;
  private periodMs: number;
  private owner: Works;

  constructor(intervalMs: number, isOnce: boolean, work: Work, owner: Works) {
    this.isOnce = isOnce;
    this.work = work;
    this.owner = owner;
    this.periodMs = checked(intervalMs);
  }

  get intervalMs(): number {
    return this.periodMs;
  }

  /** Changes the interval; the next run is one new interval from now. @throws GodwitError `argument` */
  set intervalMs(intervalMs: number) {
    this.periodMs = checked(intervalMs);
    this.owner.schedule(this);
  }

  /** No further run. Assigning `intervalMs` starts it again. */
  stop(): void {
    this.owner.remove(this);
  }
}

function checked(intervalMs: number): number {
  if (intervalMs > 0 && intervalMs < Infinity) return intervalMs;
  throw new GodwitError("argument", `an interval must be above 0 ms, not ${intervalMs}`);
}

/** What works need from the device around them. */
export interface WorksHost {
  now(): number;
  /** Deadlines have changed. */
  wake(): void;
}

export class Works {
  private readonly host: WorksHost;
  private readonly guard: Guard;
  private readonly list: Periodic[] = [];
  private isStarted = false;

  constructor(host: WorksHost, guard: Guard) {
    this.host = host;
    this.guard = guard;
  }

  /** @throws GodwitError `argument` for an impossible interval, `limit` beyond 32 works */
  add(intervalMs: number, isOnce: boolean, work: Work): Periodic {
    const periodic = new Periodic(intervalMs, isOnce, work, this);
    this.schedule(periodic);
    return periodic;
  }

  start(): void {
    this.isStarted = true;
    for (const periodic of this.list) this.schedule(periodic);
  }

  stop(): void {
    this.isStarted = false;
  }

  schedule(periodic: Periodic): void {
    if (!this.list.includes(periodic)) {
      if (this.list.length >= worksMax) {
        throw new GodwitError("limit", `more than ${worksMax} periodic works`);
      }
      this.list.push(periodic);
    }
    if (!this.isStarted) return;
    periodic.nextMs = this.host.now() + periodic.intervalMs;
    this.host.wake();
  }

  remove(periodic: Periodic): void {
    periodic.nextMs = Infinity;
    const at = this.list.indexOf(periodic);
    if (at >= 0) this.list.splice(at, 1);
  }

  nextDeadlineMs(): number {
    let atMs = Infinity;
    if (!this.isStarted) return atMs;
    for (const periodic of this.list) if (periodic.nextMs < atMs) atMs = periodic.nextMs;
    return atMs;
  }

  /** Runs what is due, in the order in which it was added. */
  tick(nowMs: number): void {
    const list = this.list;
    for (let i = 0; i < list.length; i++) {
      const periodic = list[i]!;
      if (periodic.nextMs <= nowMs) this.run(periodic, nowMs);
      // It may have ended, or stopped itself.
      if (list[i] !== periodic) i--;
    }
  }

  private run(periodic: Periodic, nowMs: number): void {
    const { intervalMs, work } = periodic;
    if (periodic.isOnce) this.remove(periodic);
    else {
      // On the beat, unless beats were missed: they are left out.
      periodic.nextMs += intervalMs;
      if (periodic.nextMs <= nowMs) periodic.nextMs = nowMs + intervalMs;
    }
    if (periodic.isRunning) return;
    const result = this.guard.run(work, work.name || "periodic work");
    if (!(result instanceof Promise)) return;
    periodic.isRunning = true;
    void result.then(() => {
      periodic.isRunning = false;
    });
  }
}
