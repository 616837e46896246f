// What a person can see of a running fleet: plain data, refreshed by the fleet, drawn by the command line.
import type { LogLevel } from "../../firmware/ports/log.ts";

export type PowerState = "off" | "on" | "ended";

export interface BoardView {
  readonly id: string;
  power: PowerState;
  /** Times the board was switched on. */
  boots: number;
  isConnected: boolean;
  /** The board's link is cut on purpose. */
  isCut: boolean;
  /** Telemetry messages the hub has stored (and so acknowledged), and their body bytes. */
  messages: number;
  bytes: number;
  /** Newest numeric telemetry by name; at most `latestMax` names. */
  latest: Record<string, number>;
  /** Newest values of the first telemetry, for a small chart; at most `historyMax`. */
  history: number[];
  desired: unknown;
  reported: unknown;
  /** XS heap beside the engine's baseline, bytes: loading and running. */
  heapBytes: number;
  /** Why the board ended by itself, with position; undefined while all is well. */
  failure: string | undefined;
}

export interface LogLine {
  readonly atMs: number;
  /** Board id, or "hub". */
  readonly source: string;
  readonly level: LogLevel;
  readonly text: string;
}

export interface FleetView {
  readonly title: string;
  readonly hub: string;
  elapsedMs: number;
  readonly boards: BoardView[];
  /** Newest last; at most `logMax`. */
  readonly log: LogLine[];
  twinPatches: number;
  methods: number;
  errors: number;
}

export const historyMax = 40;
export const latestMax = 16;
export const logMax = 200;
