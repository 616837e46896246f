/** Sorts readings by urgency and closes their batches in time: critical soon, normal by block or age, bulk by block. */
import type { CborValue } from "../codec/cbor-value.ts";
import { GodwitError } from "../codec/error.ts";
import type { ChannelPriority, TelemetrySpec } from "../model/types.ts";
import { BATCH_DEFAULTS, type BatchLimits, changeLimits } from "./batch-limits.ts";
import { Deadband } from "./deadband.ts";
import type { Sample, TelemetryEncoder, TelemetryEncoding } from "./encoder.ts";
import type { LogClass } from "./log/types.ts";

export const PRIORITIES: readonly ChannelPriority[] = ["critical", "normal", "bulk"];

/** A channel of the model, by name. */
export interface Channel {
  readonly name: string;
  readonly spec: TelemetrySpec;
}

/** A finished body and what its message has to say about it. */
export interface Batch {
  readonly logClass: LogClass;
  readonly payload: Uint8Array;
  /** Encoded property bag: content type and encoding. */
  readonly bag: string;
  /** The body tells when its readings were taken, in monotonic milliseconds since boot. */
  readonly isTimed: boolean;
  /** Monotonic time of the first reading. */
  readonly firstMs: number;
  /** Number of its first row in its class, counted from 0, and of the row behind its last one. */
  readonly firstRow?: number;
  readonly endRow?: number;
}

export interface BatcherOptions {
  readonly channels: readonly Channel[];
  readonly encoding: TelemetryEncoding;
  readonly limits?: Partial<BatchLimits>;
}

export type OnRow = (logClass: LogClass, row: number) => void;

interface Window {
  readonly logClass: LogClass;
  readonly names: readonly string[];
  readonly encoder: TelemetryEncoder;
  /** Time of the first reading that waits; Infinity: none does. */
  firstMs: number;
  /** Samples so far, where the encoder lets none wait. */
  rows: number;
}

/** The channels of a model's `telemetry`. */
export function channelsOf(telemetry: Readonly<Record<string, TelemetrySpec>>): Channel[] {
  return Object.keys(telemetry).map((name) => ({ name, spec: telemetry[name]! }));
}

export class Batcher {
  private current: BatchLimits;
  private readonly windows: Window[] = [];
  private readonly deadband: Deadband;
  private readonly onBatch: (batch: Batch) => void;

  /**
   * @param onBatch takes every finished batch; must not throw
   * @throws GodwitError `argument` for two channels of one name, an unknown priority or a limit out of range;
   *   `limit` if a block is too small for one row
   */
  constructor(options: BatcherOptions, onBatch: (batch: Batch) => void) {
    const { channels } = options;
    this.current = changeLimits(BATCH_DEFAULTS, options.limits ?? {});
    this.onBatch = onBatch;
    checkChannels(channels);
    this.deadband = new Deadband(channels);
    for (let i = 0; i < PRIORITIES.length; i++) {
      const own = channels.filter(({ spec }) => (spec.priority ?? "normal") === PRIORITIES[i]);
      if (own.length === 0) continue;
      const encoder = options.encoding(own, this.current.blockBytes, this.windows[0]?.encoder);
      const names = own.map(({ name }) => name);
      this.windows.push({ logClass: i as LogClass, names, encoder, firstMs: Infinity, rows: 0 });
    }
  }

  get limits(): BatchLimits {
    return this.current;
  }

  /**
   * Changes windows and sizes from now on; what waits already obeys as well.
   * @throws GodwitError `argument` naming the member; `limit` if a block is too small for one row; nothing changes then
   */
  setLimits(change: Partial<BatchLimits>): void {
    const changed = changeLimits(this.current, change);
    if (changed.blockBytes !== this.current.blockBytes) {
      for (const { encoder } of this.windows) encoder.resize?.(changed.blockBytes, true);
      for (const { encoder } of this.windows) encoder.resize?.(changed.blockBytes, false);
    }
    this.current = changed;
  }

  /**
   * Takes one checked sample (`takeSample`); its values go to the windows of their channels.
   * @param onRow is told class and number of each row that the sample becomes; -1: of none, it could not be taken
   * @throws GodwitError `limit` if the values of a window do not fit into a block; the others are taken
   */
  add(sample: Sample, nowMs: number, onRow?: OnRow): void {
    let failure: unknown;
    for (const window of this.windows) {
      const part = this.partOf(window, sample, nowMs);
      if (!part) continue;
      try {
        this.addTo(window, part, nowMs, onRow);
      } catch (error) {
        failure = error;
      }
    }
    if (failure) throw failure;
  }

  /** Closes the windows that are due. */
  tick(nowMs: number): void {
    for (const window of this.windows) if (nowMs >= this.deadlineOf(window)) this.close(window);
  }

  /** Monotonic time at which `tick` is due; Infinity while nothing waits, or only for a full block. */
  nextDeadlineMs(): number {
    let deadlineMs = Infinity;
    for (const window of this.windows) deadlineMs = Math.min(deadlineMs, this.deadlineOf(window));
    return deadlineMs;
  }

  /** Closes all windows: before a restart or sleep. */
  flush(): void {
    for (const window of this.windows) this.close(window);
  }

  private deadlineOf({ logClass, firstMs, encoder }: Window): number {
    if (firstMs === Infinity) return Infinity;
    const { criticalLatencyMs, normalAgeMs, bulkAgeMs } = this.current;
    const ageMs = logClass === 0 ? criticalLatencyMs : logClass === 1 ? normalAgeMs : bulkAgeMs;
    const own = logClass === 2 && ageMs === 0 ? Infinity : firstMs + ageMs;
    return Math.min(own, encoder.nextDeadlineMs());
  }

  private partOf(window: Window, sample: Sample, nowMs: number): Sample | undefined {
    let part: Record<string, CborValue> | undefined;
    for (const name of window.names) {
      const value = sample[name];
      if (value === undefined) continue;
      if (!this.deadband.passes(name, value, nowMs, this.current.heartbeatMs)) continue;
      // Channels may be called like what objects inherit.
      part ??= Object.create(null) as Record<string, CborValue>;
      part[name] = value;
    }
    return part;
  }

  private addTo(window: Window, part: Sample, nowMs: number, onRow: OnRow | undefined): void {
    const firstMs = Math.min(window.firstMs, nowMs);
    const { encoder, logClass } = window;
    const first = firstRowOf(window);
    const row = first + (encoder.waiting ?? 0);
    let payload: Uint8Array | undefined;
    try {
      payload = encoder.add(part, nowMs, undefined);
      window.rows++;
    } finally {
      const isTaken = firstRowOf(window) + (encoder.waiting ?? 0) > row;
      onRow?.(logClass, isTaken ? row : -1);
    }
    if (!payload) window.firstMs = firstMs;
    else {
      window.firstMs = encoder.waitingSinceMs?.() ?? Infinity;
      this.emit(window, payload, firstMs, first);
    }
    // Without a latency to use up, it need not wait for the next tick.
    if (nowMs >= this.deadlineOf(window)) this.close(window);
  }

  private close(window: Window): void {
    for (;;) {
      const { firstMs } = window;
      const first = firstRowOf(window);
      const payload = window.encoder.flush();
      window.firstMs = window.encoder.waitingSinceMs?.() ?? Infinity;
      if (!payload) return;
      this.emit(window, payload, firstMs, first);
    }
  }

  private emit(window: Window, payload: Uint8Array, firstMs: number, firstRow: number): void {
    const { logClass, encoder } = window;
    const { bag, isTimed } = encoder;
    const endRow = firstRowOf(window);
    this.onBatch({ logClass, payload, bag, isTimed, firstMs, firstRow, endRow });
  }
}

/** Number of the first row that waits. */
function firstRowOf({ rows, encoder }: Window): number {
  return encoder.gone ?? rows;
}

function checkChannels(channels: readonly Channel[]): void {
  const names: string[] = [];
  for (const { name, spec } of channels) {
    const fail = (problem: string): never => {
      throw new GodwitError("argument", `channel ${name}: ${problem}`);
    };
    if (names.includes(name)) fail("there are two of this name; rename one");
    names.push(name);
    const { priority = "normal", epsilon, deadband } = spec;
    if (!PRIORITIES.includes(priority)) fail(`priority "${priority}" is none of ${PRIORITIES}`);
    if (epsilon !== undefined && !(epsilon > 0 && epsilon < Infinity)) {
      fail(`epsilon ${epsilon} must be above 0; leave it out for exact values`);
    }
    if (deadband !== undefined && !(deadband > 0 && deadband < Infinity)) {
      fail(`deadband ${deadband} must be above 0; leave it out to send every value`);
    }
    const { min = -Infinity, max = Infinity } = spec as { min?: number; max?: number };
    if (min > max) fail(`impossible range: min ${min} is above max ${max}`);
  }
}
