// Port: where the hub keeps what must survive its own restart. Synchronous, documents and an event log.
import type { HubEvent } from "./event.ts";

/** One table each. Documents are plain JSON; keys are unique inside a kind. */
export type StoreKind =
  | "setting"
  | "identity"
  | "twin"
  | "session"
  | "c2d"
  | "enrollment"
  | "enrollmentGroup"
  | "registration";

/**
 * The core keeps the truth in memory, loads it once through `load`, and writes every change through.
 * `put`, `delete` and `appendEvents` may be buffered; only `commit` promises that they are on disk.
 */
export interface HubStore {
  /** Every document of a kind as [key, document], ordered by key. Documents are the caller's to keep. */
  load(kind: StoreKind): Iterable<readonly [key: string, document: object]>;
  /** Creates or replaces. The document must not be kept by reference: the core goes on changing it. */
  put(kind: StoreKind, key: string, document: object): void;
  /** Deleting what is not there does nothing. */
  delete(kind: StoreKind, key: string): void;
  /** Appends in order of `sequenceNumber`. */
  appendEvents(events: readonly HubEvent[]): void;
  /** Events with a sequence number above `afterSequence`, oldest first, at most `limit`. */
  readEvents(afterSequence: number, limit: number): HubEvent[];
  /** Forgets events with a sequence number below `firstKept`. */
  trimEvents(firstKept: number): void;
  /**
   * @throws if the changes since the last commit could not be made durable (disk full, file gone).
   *   They stay pending: the next commit tries again.
   */
  commit(): void;
  close(): void;
}
