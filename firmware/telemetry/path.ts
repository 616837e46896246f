/** The seam between a device and its way of sending telemetry in batches. Types only. */
import type { OutboundMessage, Settled } from "../connection/types.ts";
import type { TelemetrySpec } from "../model/types.ts";
import type { Platform } from "../ports/platform.ts";
import type { Sample } from "./encoder.ts";

export interface TelemetryHost {
  readonly platform: Platform;
  readonly specs: Readonly<Record<string, TelemetrySpec>>;
  send(message: OutboundMessage): boolean;
  /** Longest message, payload and bag, that `send` can ever take. */
  readonly messageBytesMax: number;
  /** Unix time of tick 0, undefined while the wall clock is not known. */
  epochMs(): number | undefined;
  /** Counts and logs what went wrong. */
  failed(where: string, error: unknown): void;
}

export interface TelemetryPath {
  /** @throws GodwitError `limit` for a sample that fits no batch */
  add(sample: Sample, nowMs: number, onSettled?: (outcome: Settled) => void): void;
  tick(nowMs: number): void;
  nextDeadlineMs(): number;
  setOnline(isOnline: boolean, nowMs: number): void;
  /** Before a planned restart: what can be kept is in flash when this returns. */
  persist(): void;
  /** A writable property that concerns the path. @throws GodwitError saying why it cannot be; nothing changes then */
  adjust(name: string, value: unknown): void;
}

/** Made once, when the device is created. */
export type OpenTelemetry = (host: TelemetryHost) => TelemetryPath;
