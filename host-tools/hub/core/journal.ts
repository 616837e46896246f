// Write-through to the store with group commit: one transaction for all that one network read brought.
import type { HubEvent } from "./event.ts";
import { HubError } from "./hub-error.ts";
import type { HubStore, StoreKind } from "./store.ts";

export class Journal {
  readonly #store: HubStore;
  #isDirty = false;

  constructor(store: HubStore) {
    this.#store = store;
  }

  load<T>(kind: StoreKind): Iterable<readonly [key: string, document: T]> {
    return this.#store.load(kind) as Iterable<readonly [string, T]>;
  }

  put(kind: StoreKind, key: string, document: object): void {
    this.#isDirty = true;
    this.#guard(() => this.#store.put(kind, key, document));
  }

  delete(kind: StoreKind, key: string): void {
    this.#isDirty = true;
    this.#guard(() => this.#store.delete(kind, key));
  }

  append(events: readonly HubEvent[]): void {
    this.#isDirty = true;
    this.#guard(() => this.#store.appendEvents(events));
  }

  trim(firstKept: number): void {
    this.#isDirty = true;
    this.#guard(() => this.#store.trimEvents(firstKept));
  }

  readEvents(afterSequence: number, limit: number): HubEvent[] {
    return this.#store.readEvents(afterSequence, limit);
  }

  /**
   * Makes everything written so far durable; costs nothing when there is nothing to do.
   * @throws HubError 500001: nothing of this may be acknowledged to a device.
   */
  commit(): void {
    if (!this.#isDirty) return;
    this.#guard(() => this.#store.commit());
    this.#isDirty = false;
  }

  close(): void {
    this.commit();
    this.#store.close();
  }

  #guard(work: () => void): void {
    try {
      work();
    } catch (cause) {
      throw new HubError(500001, `the store failed: ${(cause as Error).message}`, { cause });
    }
  }
}
