// What embedders of a board give and get: host services, heap sizes, statistics, status.

export type BoardLogLevel = "error" | "warn" | "info" | "debug";

/** A board's outside world. Everything a board can notice comes through here: give equal answers, get equal runs. */
export interface BoardHost {
  /** Milliseconds since power-on, monotonic. The board's wall clock starts at 0 (1970) until `Time.set`. */
  now(): number;
  /** 32 random bits, unsigned. */
  random(): number;
  log(level: BoardLogLevel, text: string): void;
  /** Fire once after `delayMs`, then every `repeatMs` when that is > 0. Replaces a timer of the same id. */
  startTimer(id: number, delayMs: number, repeatMs: number): void;
  stopTimer(id: number): void;
  /** A synchronous request of the board's modules (board-ops.ts); must not re-enter the board. */
  call(operation: number, bytes: Uint8Array): Uint8Array | undefined;
  /** State of the host side that belongs to a snapshot (timers, flash, sockets); opaque to the board. */
  saveState?(): unknown;
  loadState?(state: unknown): void;
}

/** The board's heap, beside the engine's own baseline: what the author's chip has to spare. */
export interface HeapSize {
  /** Bytes for chunks (strings, arrays, buffers). */
  chunkBytes: number;
  /** Slots of 16 bytes (objects, properties). */
  slots: number;
  /** Slots of the XS stack. */
  stackSlots: number;
  /** Property names and symbols beside the engine's own. */
  keys: number;
  /** `shared` (default): chunks and slots grow towards each other in one block, as on Moddable's devices. */
  pools?: "shared" | "fixed";
  /** Memory outside the XS heap that regular expressions, JSON texts and try records may take. */
  systemBytes?: number;
}

export interface HeapUse {
  slots: number;
  slotsPeak: number;
  chunkBytes: number;
  chunkBytesPeak: number;
  keys: number;
  stackSlots: number;
  stackSlotsPeak: number;
  systemBytes: number;
  systemBytesPeak: number;
  /** Slots × 16 + chunk bytes. */
  bytes: number;
  bytesPeak: number;
}

/** Where in the author's source, as far as known. */
export interface Position {
  /** Module specifier, or the TypeScript file once mapped. */
  file: string;
  line: number;
  column?: number;
  function?: string;
}

export type AbortReason =
  | "memory"
  | "stack"
  | "runaway"
  | "exception"
  | "rejection"
  | "keys"
  | "native-loop"
  | "host"
  | "restart"
  | "trap"
  | "destroyed";

export interface Failure {
  reason: AbortReason;
  /** One line for a person. */
  message: string;
  /** Innermost frame first; empty when unknown. */
  stack: Position[];
}

export type BoardStatus = { state: "running" } | ({ state: "aborted" } & Failure);
