// Cloud-to-device queues: 50 pending, TTL, 60 s locks, redelivery (IoT Hub docs "Send cloud-to-device messages").
import {
  C2D_BYTES_MAX,
  C2D_DELIVERIES_DEFAULT,
  C2D_LOCK_S,
  C2D_PENDING_MAX,
  C2D_TTL_DEFAULT_S,
  C2D_TTL_MAX_S,
} from "../../../firmware/connection/service-limits.ts";
import { guarded, type HubContext } from "./context.ts";
import { Deadline, randomUuid } from "./environment.ts";
import { Feedback } from "./feedback.ts";
import { HubError } from "./hub-error.ts";
import { type Identity, type IdentityName, identityKey } from "./identity.ts";
import { fromStored, type QueuedMessage, type StoredMessage, toStored } from "./queued-message.ts";
import type { IdentityWatcher, Registry } from "./registry.ts";
import type { CloudMessage, CloudToDeviceService, FeedbackRecord } from "./service.ts";
import type { Channel, Session, Sessions, SessionWatcher } from "./sessions.ts";

/** Messages handed to one connection and not acknowledged yet; the rest waits in the queue. */
const IN_FLIGHT_MAX = 16;

interface Queue {
  readonly identity: Identity;
  readonly messages: QueuedMessage[];
  readonly deadline: Deadline;
}

export class CloudToDevice implements CloudToDeviceService, IdentityWatcher, SessionWatcher {
  readonly #context: HubContext;
  readonly #registry: Registry;
  readonly #sessions: Sessions;
  readonly #feedback: Feedback;
  readonly #queues = new Map<string, Queue>();
  #sequence = 0;

  constructor(context: HubContext, registry: Registry, sessions: Sessions) {
    this.#context = context;
    this.#registry = registry;
    this.#sessions = sessions;
    this.#feedback = new Feedback(context);
    registry.watch(this);
    sessions.watch(this);
    for (const [, stored] of context.journal.load<StoredMessage>("c2d")) this.#restore(stored);
  }

  send(name: IdentityName, message: CloudMessage): string {
    const identity = this.#registry.get(name);
    const key = identityKey(identity);
    if (message.body.length > C2D_BYTES_MAX) {
      throw new HubError(
        413001,
        `a message takes at most ${C2D_BYTES_MAX} bytes, this is ${message.body.length}`,
      );
    }
    const queue = this.#queue(identity);
    if (queue.messages.length >= C2D_PENDING_MAX) {
      throw new HubError(403004, `"${key}" has ${C2D_PENDING_MAX} messages waiting already`);
    }
    this.#context.throttles.demand("cloudToDevice");
    this.#context.throttles.charge(message.body.length);
    const queued = this.#queued(message);
    queue.messages.push(queued);
    this.#changed(queue, queued);
    this.#context.journal.commit();
    this.#pump(queue);
    return queued.messageId;
  }

  purge(name: IdentityName): number {
    const queue = this.#queue(this.#registry.get(name));
    const messages = [...queue.messages];
    for (const message of messages) this.#end(queue, message, "Purged");
    this.#context.journal.commit();
    return messages.length;
  }

  onFeedback(listener: (records: readonly FeedbackRecord[]) => void): () => void {
    return this.#feedback.subscribe(listener);
  }

  /** Hands out the next message under a lock (HTTPS receivers); undefined when none waits. */
  receive(name: IdentityName): QueuedMessage | undefined {
    const queue = this.#queue(this.#registry.get(name));
    const message = queue.messages.find((candidate) => candidate.lockToken === undefined);
    if (message !== undefined) this.#lock(queue, message);
    return message;
  }

  /** @throws HubError 412002 when the lock was lost. */
  complete(name: IdentityName, lockToken: string): void {
    this.#settle(name, lockToken, "Success");
  }

  /** @throws HubError 412002. */
  reject(name: IdentityName, lockToken: string): void {
    this.#settle(name, lockToken, "Rejected");
  }

  /** Back into the queue; dead after ten times. @throws HubError 412002. */
  abandon(name: IdentityName, lockToken: string): void {
    const { queue, message } = this.#locked(name, lockToken);
    message.abandonCount += 1;
    if (message.abandonCount >= C2D_DELIVERIES_DEFAULT) {
      this.#end(queue, message, "DeliveryCountExceeded");
    } else {
      this.#unlock(queue, message);
      this.#pump(queue);
    }
  }

  /** Messages waiting or locked. */
  pending(name: IdentityName): readonly QueuedMessage[] {
    return this.#queues.get(identityKey(name))?.messages ?? [];
  }

  /** Everything is lost, without feedback (manual fail-over). */
  loseAll(): void {
    for (const queue of this.#queues.values()) {
      for (const message of queue.messages) this.#forget(queue, message);
      queue.messages.length = 0;
      this.#arm(queue);
    }
  }

  created(): void {
    // A queue is made by its first message.
  }

  changed(): void {
    // Queues do not depend on keys or status.
  }

  removed(identity: Identity): void {
    const key = identityKey(identity);
    const queue = this.#queues.get(key);
    if (queue === undefined) return;
    for (const message of queue.messages) this.#forget(queue, message);
    queue.deadline.stop();
    this.#queues.delete(key);
  }

  opened(session: Session, channel: Channel): void {
    const queue = this.#queues.get(session.key);
    if (channel === "cloudToDevice" && queue !== undefined) this.#pump(queue);
  }

  closed(session: Session): void {
    const queue = this.#queues.get(session.key);
    if (queue === undefined || this.#sessions.findByKey(session.key) !== undefined) return;
    for (const message of queue.messages) if (message.lockToken) this.#unlock(queue, message);
  }

  #queued(message: CloudMessage): QueuedMessage {
    const nowMs = this.#context.nowMs();
    this.#sequence += 1;
    const expiresMs = message.expiresMs ?? nowMs + C2D_TTL_DEFAULT_S * 1000;
    return {
      sequence: this.#sequence,
      messageId: message.messageId ?? randomUuid(this.#context.environment),
      correlationId: message.correlationId,
      userId: message.userId,
      contentType: message.contentType,
      contentEncoding: message.contentEncoding,
      body: message.body.slice(),
      properties: message.properties ?? {},
      ack: message.ack ?? "none",
      enqueuedMs: nowMs,
      expiresMs: Math.min(expiresMs, nowMs + C2D_TTL_MAX_S * 1000),
      deliveryCount: 0,
      abandonCount: 0,
    };
  }

  #pump(queue: Queue): void {
    const session = this.#sessions.findByKey(identityKey(queue.identity));
    const qos = session?.qosOf("cloudToDevice");
    if (session === undefined || qos === undefined) return;
    let inFlight = queue.messages.filter(({ lockToken }) => lockToken !== undefined).length;
    for (const message of [...queue.messages]) {
      if (inFlight >= IN_FLIGHT_MAX) break;
      if (message.lockToken !== undefined) continue;
      this.#lock(queue, message);
      session.link.sendCloudMessage(message, qos);
      if (qos === 0) this.#end(queue, message, "Success");
      else inFlight += 1;
    }
  }

  #lock(queue: Queue, message: QueuedMessage): void {
    message.lockToken = randomUuid(this.#context.environment);
    message.lockedUntilMs = this.#context.nowMs() + C2D_LOCK_S * 1000;
    message.deliveryCount += 1;
    this.#changed(queue, message);
  }

  #unlock(queue: Queue, message: QueuedMessage): void {
    message.lockToken = undefined;
    message.lockedUntilMs = undefined;
    this.#changed(queue, message);
  }

  #settle(name: IdentityName, lockToken: string, statusCode: FeedbackRecord["statusCode"]): void {
    const { queue, message } = this.#locked(name, lockToken);
    this.#end(queue, message, statusCode);
    this.#pump(queue);
  }

  #locked(name: IdentityName, lockToken: string): { queue: Queue; message: QueuedMessage } {
    const queue = this.#queues.get(identityKey(name));
    const message = queue?.messages.find((candidate) => candidate.lockToken === lockToken);
    if (queue === undefined || message === undefined) {
      throw new HubError(
        412002,
        `the lock of a message of "${identityKey(name)}" was lost (60 s); it will be delivered again`,
      );
    }
    return { queue, message };
  }

  #end(queue: Queue, message: QueuedMessage, statusCode: FeedbackRecord["statusCode"]): void {
    queue.messages.splice(queue.messages.indexOf(message), 1);
    this.#forget(queue, message);
    this.#feedback.record(queue.identity, message, statusCode);
    this.#arm(queue);
  }

  #forget(queue: Queue, message: QueuedMessage): void {
    this.#context.journal.delete("c2d", storeKey(queue, message));
    this.#count(queue);
  }

  #changed(queue: Queue, message: QueuedMessage): void {
    const document = toStored(identityKey(queue.identity), message);
    this.#context.journal.put("c2d", storeKey(queue, message), document);
    this.#count(queue);
    this.#arm(queue);
  }

  #count(queue: Queue): void {
    this.#registry.activity(queue.identity).cloudToDeviceCount = queue.messages.length;
  }

  #arm(queue: Queue): void {
    let atMs = Number.POSITIVE_INFINITY;
    for (const { expiresMs, lockedUntilMs } of queue.messages) {
      atMs = Math.min(atMs, lockedUntilMs ?? expiresMs);
    }
    queue.deadline.set(atMs);
  }

  /** Locks that ran out go back into the queue, messages past their time leave it. */
  #due(queue: Queue): void {
    const nowMs = this.#context.nowMs();
    for (const message of [...queue.messages]) {
      if (message.lockedUntilMs !== undefined && message.lockedUntilMs <= nowMs) {
        this.#unlock(queue, message);
      }
      const isLocked = message.lockToken !== undefined;
      if (!isLocked && message.expiresMs <= nowMs) this.#end(queue, message, "Expired");
    }
    this.#pump(queue);
    this.#arm(queue);
  }

  #queue(identity: Identity): Queue {
    const key = identityKey(identity);
    let queue = this.#queues.get(key);
    if (queue === undefined) {
      const { environment, nowMs } = this.#context;
      const deadline: Deadline = new Deadline(environment, nowMs, () =>
        guarded(this.#context, () => this.#due(made)),
      );
      const made: Queue = { identity, messages: [], deadline };
      this.#queues.set(key, made);
      queue = made;
    }
    return queue;
  }

  #restore(stored: StoredMessage): void {
    const [deviceId = "", moduleId] = stored.key.split("/");
    const identity = this.#registry.find({ deviceId, moduleId });
    if (identity === undefined) return;
    const queue = this.#queue(identity);
    queue.messages.push(fromStored(stored));
    this.#sequence = Math.max(this.#sequence, stored.sequence);
    this.#count(queue);
    this.#arm(queue);
  }
}

/** Padded, so that the store's key order is the queue's order. */
function storeKey(queue: Queue, message: QueuedMessage): string {
  return `${identityKey(queue.identity)}#${String(message.sequence).padStart(12, "0")}`;
}
