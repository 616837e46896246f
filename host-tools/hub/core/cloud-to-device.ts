// Cloud-to-device queues: 50 pending, TTL, 60 s locks, redelivery (IoT Hub docs "Send cloud-to-device messages").
import {
  C2D_BYTES_MAX,
  C2D_DELIVERIES_DEFAULT,
  C2D_TTL_DEFAULT_S,
  C2D_TTL_MAX_S,
} from "../../../firmware/connection/service-limits.ts";
import { guarded, type HubContext } from "./context.ts";
import { randomUuid } from "./environment.ts";
import { Feedback } from "./feedback.ts";
import { HubError } from "./hub-error.ts";
import { type Identity, type IdentityName, identityKey } from "./identity.ts";
import { MessageQueue } from "./message-queue.ts";
import { fromStored, type QueuedMessage, type StoredMessage } from "./queued-message.ts";
import type { IdentityWatcher, Registry } from "./registry.ts";
import type { CloudMessage, CloudToDeviceService, FeedbackRecord } from "./service.ts";
import type { Channel, Session, Sessions, SessionWatcher } from "./sessions.ts";

/** Messages handed to one connection and not acknowledged yet; the rest waits in the queue. */
const IN_FLIGHT_MAX = 16;

export class CloudToDevice implements CloudToDeviceService, IdentityWatcher, SessionWatcher {
  readonly #context: HubContext;
  readonly #registry: Registry;
  readonly #sessions: Sessions;
  readonly #feedback: Feedback;
  readonly #queues = new Map<string, MessageQueue>();
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
    if (message.body.length > C2D_BYTES_MAX) {
      throw new HubError(
        413001,
        `a message takes at most ${C2D_BYTES_MAX} bytes, this is ${message.body.length}`,
      );
    }
    const queue = this.#queue(identity);
    queue.checkRoom();
    this.#context.throttles.demand("cloudToDevice");
    this.#context.throttles.charge(message.body.length);
    const queued = this.#queued(message);
    queue.add(queued);
    this.#context.journal.commit();
    this.#pump(queue);
    return queued.messageId;
  }

  purge(name: IdentityName): number {
    const queue = this.#queue(this.#registry.get(name));
    const messages = [...queue.messages];
    for (const message of messages) queue.end(message, "Purged");
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
    if (message !== undefined) queue.lock(message);
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
      queue.end(message, "DeliveryCountExceeded");
    } else {
      queue.unlock(message);
      this.#pump(queue);
    }
  }

  /** Messages waiting or locked. */
  pending(name: IdentityName): readonly QueuedMessage[] {
    return this.#queues.get(identityKey(name))?.messages ?? [];
  }

  /** Everything is lost, without feedback (manual fail-over). */
  loseAll(): void {
    for (const queue of this.#queues.values()) queue.clear();
  }

  created(): void {
    // A queue is made by its first message.
  }

  changed(): void {
    // Queues do not depend on keys or status.
  }

  removed(identity: Identity): void {
    const key = identityKey(identity);
    this.#queues.get(key)?.clear();
    this.#queues.delete(key);
  }

  opened(session: Session, channel: Channel): void {
    const queue = this.#queues.get(session.key);
    if (channel === "cloudToDevice" && queue !== undefined) this.#pump(queue);
  }

  closed(session: Session): void {
    if (this.#sessions.findByKey(session.key) !== undefined) return;
    this.#queues.get(session.key)?.unlockAll();
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

  #pump(queue: MessageQueue): void {
    const session = this.#sessions.findByKey(queue.key);
    const qos = session?.qosOf("cloudToDevice");
    if (session === undefined || qos === undefined) return;
    let inFlight = queue.messages.filter(({ lockToken }) => lockToken !== undefined).length;
    for (const message of [...queue.messages]) {
      if (inFlight >= IN_FLIGHT_MAX) break;
      if (message.lockToken !== undefined) continue;
      queue.lock(message);
      session.link.sendCloudMessage(message, qos);
      if (qos === 0) queue.end(message, "Success");
      else inFlight += 1;
    }
  }

  #settle(name: IdentityName, lockToken: string, statusCode: FeedbackRecord["statusCode"]): void {
    const { queue, message } = this.#locked(name, lockToken);
    queue.end(message, statusCode);
    this.#pump(queue);
  }

  #locked(name: IdentityName, lockToken: string): { queue: MessageQueue; message: QueuedMessage } {
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

  #queue(identity: Identity): MessageQueue {
    const key = identityKey(identity);
    const known = this.#queues.get(key);
    if (known !== undefined) return known;
    const context = this.#context;
    const queue: MessageQueue = new MessageQueue({
      ...{ context, identity, feedback: this.#feedback },
      activity: this.#registry.activity(identity),
      onDue: () =>
        guarded(context, () => {
          queue.due();
          this.#pump(queue);
        }),
    });
    this.#queues.set(key, queue);
    return queue;
  }

  #restore(stored: StoredMessage): void {
    const [deviceId = "", moduleId] = stored.key.split("/");
    const identity = this.#registry.find({ deviceId, moduleId });
    if (identity === undefined) return;
    this.#queue(identity).restore(fromStored(stored));
    this.#sequence = Math.max(this.#sequence, stored.sequence);
  }
}
