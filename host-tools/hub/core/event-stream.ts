// The event stream: a bounded ring for late readers, subscribers for live ones, the store for restarts.
import type { EventOrigin, EventSource, HubEvent, Properties } from "./event.ts";
import { HubError } from "./hub-error.ts";
import type { Journal } from "./journal.ts";
import type { EventService } from "./service.ts";

export interface EventStreamOptions {
  nowMs: () => number;
  journal: Journal;
  partitions: number;
  /** Bounds of the ring; overflow: dropOldest. */
  eventsMax: number;
  eventBytesMax: number;
  onListenerError: (error: Error) => void;
}

export interface NewEvent {
  source: EventSource;
  origin: EventOrigin;
  body: Uint8Array;
  systemProperties: Properties;
  properties: Properties;
}

/** Every so many events the store is told what it may forget. */
const TRIM_EVERY_EVENTS = 1024;
/** Events waiting for the store; overflow: refused. One network read brings far fewer. */
const PENDING_MAX = 20_000;

export class EventStream implements EventService {
  readonly #options: EventStreamOptions;
  readonly #listeners = new Set<(event: HubEvent) => void>();
  readonly #partitions = new WeakMap<EventOrigin, number>();
  /** Events kept, oldest at `#head`; compacted when the dead part outgrows the live one. */
  #ring: HubEvent[] = [];
  #head = 0;
  #ringBytes = 0;
  #pending: HubEvent[] = [];
  /** How many of the pending ones the store has been given. */
  #handedOver = 0;
  #untrimmed = 0;
  #lastSequence = 0;

  constructor(options: EventStreamOptions) {
    this.#options = options;
    let batch = options.journal.readEvents(0, 1000);
    while (batch.length > 0) {
      for (const event of batch) this.#keep(event);
      this.#lastSequence = batch[batch.length - 1]!.sequenceNumber;
      batch = options.journal.readEvents(this.#lastSequence, 1000);
    }
  }

  get lastSequence(): number {
    return this.#lastSequence;
  }

  /**
   * Takes an event in; nobody sees it, and nobody may acknowledge it, before `commit`.
   * @throws HubError 500001 when the store has failed for so long that no more can wait for it.
   */
  append(event: NewEvent): HubEvent {
    if (this.#pending.length >= PENDING_MAX) {
      throw new HubError(500001, `${PENDING_MAX} events wait for a store that fails`);
    }
    const stored: HubEvent = {
      sequenceNumber: this.#lastSequence + this.#pending.length + 1,
      partition: this.#partitionOf(event.origin),
      enqueuedMs: this.#options.nowMs(),
      source: event.source,
      origin: event.origin,
      body: event.body,
      systemProperties: event.systemProperties,
      properties: event.properties,
    };
    this.#pending.push(stored);
    return stored;
  }

  /**
   * Stores what was appended, then tells the subscribers.
   * @throws HubError 500001 if the store fails. The events stay and the next commit tries again, so
   *   that a device which repeats an unacknowledged message may be heard twice, but never in vain.
   */
  commit(): void {
    const { journal } = this.#options;
    const events = this.#pending;
    if (this.#handedOver < events.length) {
      const fresh = this.#handedOver === 0 ? events : events.slice(this.#handedOver);
      this.#handedOver = events.length;
      journal.append(fresh);
    }
    journal.commit();
    if (events.length === 0) return;
    this.#pending = [];
    this.#handedOver = 0;
    this.#lastSequence += events.length;
    for (const event of events) this.#keep(event);
    this.#trimStore(events.length);
    if (this.#listeners.size > 0) for (const event of events) this.#tell(event);
  }

  read(afterSequence: number, limit: number): readonly HubEvent[] {
    const first = this.#ring[this.#head]?.sequenceNumber ?? 0;
    const from = this.#head + Math.max(0, afterSequence + 1 - first);
    return this.#ring.slice(from, from + limit);
  }

  subscribe(listener: (event: HubEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A subscriber's bug must not look like a fault of the device that sent the event. */
  #tell(event: HubEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        this.#options.onListenerError(error as Error);
      }
    }
  }

  #keep(event: HubEvent): void {
    this.#ring.push(event);
    this.#ringBytes += event.body.length;
    const { eventsMax, eventBytesMax } = this.#options;
    while (this.#ring.length - this.#head > eventsMax || this.#ringBytes > eventBytesMax) {
      this.#ringBytes -= this.#ring[this.#head]!.body.length;
      this.#head += 1;
    }
    if (this.#head > eventsMax) {
      this.#ring = this.#ring.slice(this.#head);
      this.#head = 0;
    }
  }

  #trimStore(added: number): void {
    this.#untrimmed += added;
    if (this.#untrimmed < TRIM_EVERY_EVENTS) return;
    this.#untrimmed = 0;
    const oldest = this.#ring[this.#head]?.sequenceNumber ?? this.#lastSequence + 1;
    this.#options.journal.trim(oldest);
  }

  /** FNV-1a over the device id: stable over restarts, as a partition key must be. */
  #partitionOf(origin: EventOrigin): number {
    let partition = this.#partitions.get(origin);
    if (partition === undefined) {
      let hash = 0x811c9dc5;
      for (let index = 0; index < origin.deviceId.length; index += 1) {
        hash = Math.imul(hash ^ origin.deviceId.charCodeAt(index), 0x01000193) >>> 0;
      }
      partition = hash % this.#options.partitions;
      this.#partitions.set(origin, partition);
    }
    return partition;
  }
}
