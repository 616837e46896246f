// The hub's store on SQLite: documents and events, collected in memory, written by commit.
import type Database from "libsql";
import type { HubEvent } from "../core/event.ts";
import type { HubStore, StoreKind } from "../core/store.ts";
import { closeDatabase, type Durability, openDatabase, storeError } from "./database.ts";
import { packEvents, unpackEvents } from "./event-row.ts";

export interface StoreOptions {
  /** What a commit survives: the end of the process (default), or a power cut too. */
  readonly durability?: Durability;
  /** Changes collected before they are written without a commit. Default 10,000. */
  readonly pendingMax?: number;
}

/** Undefined: to be deleted. */
type PendingDocuments = Map<string, string | undefined>;

/** Where the number below which events are forgotten is kept; no kind of the core's. */
const trimEntry = ["#events", "trimBelow"] as const;

class LibsqlStore implements HubStore {
  readonly #file: string;
  readonly #database: Database.Database;
  readonly #pendingMax: number;
  readonly #documents = new Map<StoreKind, PendingDocuments>();
  #events: HubEvent[] = [];
  #trimBelow = 0;
  #isTrimmed = false;
  #pendingCount = 0;
  readonly #put: Database.Statement<unknown[]>;
  readonly #delete: Database.Statement<unknown[]>;
  readonly #append: Database.Statement<unknown[]>;
  readonly #trim: Database.Statement<unknown[]>;

  constructor(file: string, options: StoreOptions) {
    this.#file = file;
    this.#pendingMax = options.pendingMax ?? 10_000;
    this.#database = openDatabase(file, options.durability ?? "process");
    this.#put = this.#database.prepare("INSERT OR REPLACE INTO document VALUES (?, ?, ?)");
    this.#delete = this.#database.prepare("DELETE FROM document WHERE kind = ? AND key = ?");
    this.#append = this.#database.prepare(
      "INSERT INTO events (last, first, body) VALUES (?, ?, ?)",
    );
    this.#trim = this.#database.prepare("DELETE FROM events WHERE last < ?");
    this.#trimBelow = this.#readTrim();
  }

  load(kind: StoreKind): Array<readonly [string, object]> {
    this.commit();
    return this.#guard(() => {
      const rows = this.#database
        .prepare("SELECT key, body FROM document WHERE kind = ? ORDER BY key")
        .all(kind) as { key: string; body: string }[];
      return rows.map(({ key, body }) => [key, JSON.parse(body) as object] as const);
    });
  }

  put(kind: StoreKind, key: string, document: object): void {
    this.#change(kind, key, JSON.stringify(document));
  }

  delete(kind: StoreKind, key: string): void {
    this.#change(kind, key, undefined);
  }

  #change(kind: StoreKind, key: string, body: string | undefined): void {
    let pending = this.#documents.get(kind);
    if (!pending) {
      pending = new Map();
      this.#documents.set(kind, pending);
    }
    pending.set(key, body);
    this.#counted(1);
  }

  appendEvents(events: readonly HubEvent[]): void {
    for (const event of events) this.#events.push(event);
    this.#counted(events.length);
  }

  #counted(changes: number): void {
    this.#pendingCount += changes;
    if (this.#pendingCount >= this.#pendingMax) this.commit();
  }

  readEvents(afterSequence: number, limit: number): HubEvent[] {
    this.commit();
    return this.#guard(() => {
      const found: HubEvent[] = [];
      const rows = this.#database
        .prepare("SELECT body FROM events WHERE last > ? ORDER BY last")
        .iterate(afterSequence) as Iterable<{ body: ArrayBuffer }>;
      for (const { body } of rows) {
        for (const event of unpackEvents(new Uint8Array(body))) {
          if (found.length >= limit) return found;
          if (this.#isKept(event) && event.sequenceNumber > afterSequence) found.push(event);
        }
      }
      return found;
    });
  }

  /** A row is deleted as a whole; the events in it that were trimmed are hidden here. */
  #isKept(event: HubEvent): boolean {
    return event.sequenceNumber >= this.#trimBelow;
  }

  trimEvents(firstKept: number): void {
    if (firstKept <= this.#trimBelow) return;
    this.#trimBelow = firstKept;
    this.#isTrimmed = true;
    this.#counted(1);
  }

  commit(): void {
    if (this.#pendingCount === 0) return;
    this.#guard(() => {
      this.#database.exec("BEGIN IMMEDIATE");
      try {
        this.#writePending();
        this.#database.exec("COMMIT");
      } catch (error) {
        // What could not be written stays pending: the next commit tries again.
        if (this.#database.inTransaction) this.#database.exec("ROLLBACK");
        throw error;
      }
    });
    this.#documents.clear();
    this.#events = [];
    this.#isTrimmed = false;
    this.#pendingCount = 0;
  }

  #writePending(): void {
    for (const [kind, pending] of this.#documents) {
      for (const [key, body] of pending) {
        if (body === undefined) this.#delete.run(kind, key);
        else this.#put.run(kind, key, body);
      }
    }
    const [first] = this.#events;
    const last = this.#events.at(-1);
    if (first && last)
      this.#append.run(last.sequenceNumber, first.sequenceNumber, packEvents(this.#events));
    if (this.#isTrimmed) {
      this.#trim.run(this.#trimBelow);
      this.#put.run(...trimEntry, String(this.#trimBelow));
    }
  }

  #readTrim(): number {
    const select = "SELECT body FROM document WHERE kind = ? AND key = ?";
    const row = this.#database.prepare(select).get(...trimEntry) as { body: string } | undefined;
    return Number(row?.body ?? 0);
  }

  close(): void {
    if (!this.#database.open) return;
    try {
      this.commit();
    } finally {
      closeDatabase(this.#database);
    }
  }

  #guard<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      throw storeError(this.#file, error);
    }
  }
}

/**
 * Opens the store of one file, creating it and its folder (0700) on first use; `:memory:` keeps nothing.
 * @throws UserError `data-in-use`, `store-damaged`, `store-foreign`, `store-newer`, `store-io`.
 */
export function openStore(file: string, options: StoreOptions = {}): HubStore {
  return new LibsqlStore(file, options);
}
