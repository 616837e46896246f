// HubStore in memory: for tests, virtual time and `godwit sim` without a data directory.
import type { HubEvent } from "./event.ts";
import type { HubStore, StoreKind } from "./store.ts";

/** Keeps documents as JSON text, so that a document changed later does not change what was stored. */
export class MemoryStore implements HubStore {
  readonly #documents = new Map<StoreKind, Map<string, string>>();
  #events: HubEvent[] = [];

  #table(kind: StoreKind): Map<string, string> {
    let table = this.#documents.get(kind);
    if (table === undefined) {
      table = new Map();
      this.#documents.set(kind, table);
    }
    return table;
  }

  load(kind: StoreKind): Iterable<readonly [key: string, document: object]> {
    return [...this.#table(kind)]
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([key, text]) => [key, JSON.parse(text) as object] as const);
  }

  put(kind: StoreKind, key: string, document: object): void {
    this.#table(kind).set(key, JSON.stringify(document));
  }

  delete(kind: StoreKind, key: string): void {
    this.#table(kind).delete(key);
  }

  appendEvents(events: readonly HubEvent[]): void {
    for (const event of events) this.#events.push(event);
  }

  readEvents(afterSequence: number, limit: number): HubEvent[] {
    const from = this.#indexAfter(afterSequence);
    return this.#events.slice(from, from + limit);
  }

  trimEvents(firstKept: number): void {
    this.#events = this.#events.slice(this.#indexAfter(firstKept - 1));
  }

  commit(): void {
    // Memory is as durable as this store gets.
  }

  close(): void {
    this.#documents.clear();
    this.#events = [];
  }

  /** Sequence numbers have no gaps, so the position follows from the first one. */
  #indexAfter(sequence: number): number {
    const first = this.#events[0]?.sequenceNumber ?? 0;
    return Math.min(Math.max(0, sequence - first + 1), this.#events.length);
  }
}
