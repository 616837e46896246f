// What the fleet and its worker threads say to each other; plain data, structured-cloneable.
import type { LogLevel } from "../../firmware/ports/log.ts";
import type { CompiledApp } from "../engine/app.ts";
import type { Failure, HeapSize } from "../engine/board-types.ts";
import type { StorageEntries } from "./provision.ts";

/** Everything a worker needs to make a board. */
export interface BoardDescription {
  id: string;
  app: Pick<CompiledApp, "main" | "modules" | "preload">;
  /** PEM of the roots the board trusts. */
  roots: string;
  /** First contents of its key-value store. */
  storage: StorageEntries;
  heap?: HeapSize;
}

export type ToBoard = { kind: "power"; isOn: boolean } | { kind: "network"; isCut: boolean };

export type FromBoard =
  | { kind: "boot"; boots: number }
  | { kind: "log"; level: LogLevel; text: string }
  | { kind: "heap"; loadedBytes: number; runningBytes: number; meter: number }
  | { kind: "ended"; failure: Failure };
