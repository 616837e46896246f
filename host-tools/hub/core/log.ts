// The hub's log: what happened, to whom, with the explanation the cloud does not give. Never holds secrets.
import type { HubErrorCode } from "./hub-error.ts";

export type HubLogLevel = "error" | "warn" | "info" | "debug";

export interface HubLogEntry {
  readonly timeMs: number;
  readonly level: HubLogLevel;
  readonly text: string;
  readonly deviceId?: string | undefined;
  readonly code?: HubErrorCode | undefined;
}

const ENTRIES_MAX = 1000;

/** Keeps the newest `ENTRIES_MAX` entries (overflow: dropOldest) and tells subscribers. */
export class HubLog {
  readonly #nowMs: () => number;
  readonly #entries: HubLogEntry[] = [];
  readonly #listeners = new Set<(entry: HubLogEntry) => void>();

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  write(
    level: HubLogLevel,
    text: string,
    about?: { deviceId?: string | undefined; code?: HubErrorCode | undefined },
  ): void {
    const entry = { timeMs: this.#nowMs(), level, text, ...about };
    this.#entries.push(entry);
    if (this.#entries.length > ENTRIES_MAX) this.#entries.shift();
    for (const listener of this.#listeners) listener(entry);
  }

  /** Oldest first. */
  entries(): readonly HubLogEntry[] {
    return this.#entries;
  }

  subscribe(listener: (entry: HubLogEntry) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
