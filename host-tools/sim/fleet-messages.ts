// What the fleet and its worker threads say to each other; plain data, structured-cloneable.
import type { LogLevel } from "../../firmware/ports/log.ts";
import type { CompiledApp } from "../engine/app.ts";
import type { Failure, HeapSize } from "../engine/board-types.ts";

/** Everything a worker needs to make a board. */
export interface BoardDescription {
  id: string;
  app: Pick<CompiledApp, "main" | "modules" | "preload">;
  /** PEM of the roots the board trusts. */
  roots: string;
  /** What its key-value store holds; the fleet keeps it up to date, for a thread that has to be made anew. */
  storage: Record<string, Uint8Array>;
  /** Its NOR flash. Shared memory: it outlives the thread. */
  flash: SharedArrayBuffer;
  heap?: HeapSize;
}

export type ToBoard = { kind: "power"; isOn: boolean } | { kind: "network"; isCut: boolean };

export type FromBoard =
  | { kind: "boot" }
  | { kind: "log"; level: LogLevel; text: string }
  | { kind: "stored"; key: string; value: Uint8Array | undefined }
  | { kind: "heap"; loadedBytes: number; runningBytes: number; meter: number }
  | { kind: "ended"; failure: Failure };
