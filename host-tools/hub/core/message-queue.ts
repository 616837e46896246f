// One identity's queue of cloud-to-device messages: locks, expiry, what the store and the feedback learn.
import { C2D_LOCK_S, C2D_PENDING_MAX } from "../../../firmware/connection/service-limits.ts";
import type { HubContext } from "./context.ts";
import { Deadline, randomUuid } from "./environment.ts";
import type { Feedback } from "./feedback.ts";
import { HubError } from "./hub-error.ts";
import { type Identity, type IdentityActivity, identityKey } from "./identity.ts";
import { type QueuedMessage, toStored } from "./queued-message.ts";
import type { FeedbackRecord } from "./service.ts";

export interface QueueParts {
  context: HubContext;
  feedback: Feedback;
  identity: Identity;
  activity: IdentityActivity;
  /** A lock or a message has reached its end: `due` is to be called. */
  onDue: () => void;
}

export class MessageQueue {
  readonly key: string;
  readonly #parts: QueueParts;
  readonly #messages: QueuedMessage[] = [];
  readonly #deadline: Deadline;

  constructor(parts: QueueParts) {
    const { environment, nowMs } = parts.context;
    this.key = identityKey(parts.identity);
    this.#parts = parts;
    this.#deadline = new Deadline(environment, nowMs, parts.onDue);
  }

  /** Waiting and locked, in order. */
  get messages(): readonly QueuedMessage[] {
    return this.#messages;
  }

  /** @throws HubError 403004 when it is full: overflow is refused. */
  checkRoom(): void {
    if (this.#messages.length < C2D_PENDING_MAX) return;
    throw new HubError(403004, `"${this.key}" has ${C2D_PENDING_MAX} messages waiting already`);
  }

  add(message: QueuedMessage): void {
    this.#messages.push(message);
    this.#changed(message);
  }

  /** Takes back what the store had. */
  restore(message: QueuedMessage): void {
    this.#messages.push(message);
    this.#settle();
  }

  lock(message: QueuedMessage): void {
    const { context } = this.#parts;
    message.lockToken = randomUuid(context.environment);
    message.lockedUntilMs = context.nowMs() + C2D_LOCK_S * 1000;
    message.deliveryCount += 1;
    this.#changed(message);
  }

  unlock(message: QueuedMessage): void {
    message.lockToken = undefined;
    message.lockedUntilMs = undefined;
    this.#changed(message);
  }

  /** The receiver is gone: all its messages wait again. */
  unlockAll(): void {
    for (const message of this.#messages) if (message.lockToken) this.unlock(message);
  }

  /** The message is done with, one way or the other. */
  end(message: QueuedMessage, statusCode: FeedbackRecord["statusCode"]): void {
    this.#messages.splice(this.#messages.indexOf(message), 1);
    this.#parts.context.journal.delete("c2d", this.#storeKey(message));
    this.#parts.feedback.record(this.#parts.identity, message, statusCode);
    this.#settle();
  }

  /** Everything is lost, and nobody is told. */
  clear(): void {
    for (const message of this.#messages) {
      this.#parts.context.journal.delete("c2d", this.#storeKey(message));
    }
    this.#messages.length = 0;
    this.#settle();
  }

  /** Locks that ran out go back into the queue, messages past their time leave it. */
  due(): void {
    const nowMs = this.#parts.context.nowMs();
    for (const message of [...this.#messages]) {
      if (message.lockedUntilMs !== undefined && message.lockedUntilMs <= nowMs) {
        this.unlock(message);
      }
      const isLocked = message.lockToken !== undefined;
      if (!isLocked && message.expiresMs <= nowMs) this.end(message, "Expired");
    }
    this.#settle();
  }

  #changed(message: QueuedMessage): void {
    const document = toStored(this.key, message);
    this.#parts.context.journal.put("c2d", this.#storeKey(message), document);
    this.#settle();
  }

  #settle(): void {
    this.#parts.activity.cloudToDeviceCount = this.#messages.length;
    let atMs = Number.POSITIVE_INFINITY;
    for (const { expiresMs, lockedUntilMs } of this.#messages) {
      atMs = Math.min(atMs, lockedUntilMs ?? expiresMs);
    }
    this.#deadline.set(atMs);
  }

  /** Padded, so that the store's key order is the queue's order. */
  #storeKey(message: QueuedMessage): string {
    return `${this.key}#${String(message.sequence).padStart(12, "0")}`;
  }
}
