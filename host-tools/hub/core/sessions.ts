// Device sessions: who is connected, which subscriptions survive (MQTT 3.1.1 §3.1.2.4, IoT Hub "Use MQTT").
import type { HubContext } from "./context.ts";
import { Deadline } from "./environment.ts";
import type { EventOrigin } from "./event.ts";
import { HubError } from "./hub-error.ts";
import {
  type Identity,
  type IdentityActivity,
  type IdentityName,
  identityKey,
} from "./identity.ts";
import type { JsonObject } from "./json.ts";
import { connectionEvent } from "./notifications.ts";
import type { QueuedMessage } from "./queued-message.ts";
import type { IdentityWatcher, Registry } from "./registry.ts";

/** What a filter opens: answers to twin requests, desired changes, method calls, messages. */
export type Channel = "twinResponses" | "desired" | "methods" | "cloudToDevice";

export interface Subscription {
  filter: string;
  channel: Channel;
  qos: 0 | 1;
}

/** The connection behind a session, as the core needs it. None of these may throw. */
export interface DeviceLink {
  sendDesired(patch: JsonObject, version: number): void;
  sendMethod(methodName: string, requestId: string, payload: Uint8Array): void;
  sendCloudMessage(message: QueuedMessage, qos: 0 | 1): void;
  /** Ends the connection; the reason goes to the log, classic MQTT cannot tell the device. */
  close(reason: HubError): void;
}

export interface Attachment {
  identity: Identity;
  origin: EventOrigin;
  isClean: boolean;
  /** When the token expires, Unix ms; undefined with a certificate. */
  expiresMs: number | undefined;
  link: DeviceLink;
}

export interface SessionWatcher {
  /** The session can take what comes on `channel` now. */
  opened(session: Session, channel: Channel): void;
  closed(session: Session): void;
}

/** A live connection of one identity. */
export class Session {
  readonly key: string;
  readonly identity: Identity;
  readonly origin: EventOrigin;
  readonly link: DeviceLink;
  readonly isClean: boolean;
  readonly subscriptions = new Map<string, Subscription>();
  readonly expiry: Deadline;
  readonly activity: IdentityActivity;

  constructor(attachment: Attachment, parts: { expiry: Deadline; activity: IdentityActivity }) {
    this.key = identityKey(attachment.identity);
    this.identity = attachment.identity;
    this.origin = attachment.origin;
    this.link = attachment.link;
    this.isClean = attachment.isClean;
    this.expiry = parts.expiry;
    this.activity = parts.activity;
  }

  /** Highest QoS subscribed to for a channel; undefined when it is not open. */
  qosOf(channel: Channel): 0 | 1 | undefined {
    let qos: 0 | 1 | undefined;
    for (const subscription of this.subscriptions.values()) {
      if (subscription.channel === channel) qos = subscription.qos || qos || 0;
    }
    return qos;
  }
}

export class Sessions implements IdentityWatcher {
  readonly #context: HubContext;
  readonly #registry: Registry;
  readonly #live = new Map<string, Session>();
  readonly #stored = new Map<string, Subscription[]>();
  readonly #watchers: SessionWatcher[] = [];

  constructor(context: HubContext, registry: Registry) {
    this.#context = context;
    this.#registry = registry;
    for (const [key, document] of context.journal.load<{ list: Subscription[] }>("session")) {
      this.#stored.set(key, document.list);
    }
    registry.watch(this);
  }

  watch(watcher: SessionWatcher): void {
    this.#watchers.push(watcher);
  }

  /** Takes over from an older connection of the same identity, and restores its subscriptions. */
  attach(attachment: Attachment): { session: Session; isPresent: boolean } {
    const key = identityKey(attachment.identity);
    const older = this.#live.get(key);
    if (older !== undefined) {
      this.#end(older, new HubError(400027, `"${key}" connected again; the older connection ends`));
    }
    const { environment } = this.#context;
    const expiry: Deadline = new Deadline(environment, this.#context.nowMs, () =>
      this.#end(session, new HubError(401003, `the token of "${key}" has expired`)),
    );
    const activity = this.#registry.activity(attachment.identity);
    const session = new Session(attachment, { expiry, activity });
    expiry.set(attachment.expiresMs ?? Number.POSITIVE_INFINITY);
    this.#live.set(key, session);
    const isPresent = this.#restore(session);
    this.#mark(session, true);
    return { session, isPresent };
  }

  /** To be called once the CONNACK is out: what waited may flow now. */
  resume(session: Session): void {
    const channels = new Set([...session.subscriptions.values()].map(({ channel }) => channel));
    for (const channel of channels) this.#opened(session, channel);
  }

  subscribe(session: Session, subscription: Subscription): void {
    session.subscriptions.set(subscription.filter, subscription);
    this.#save(session);
  }

  /** To be called once the SUBACK is out. */
  opened(session: Session, channel: Channel): void {
    this.#opened(session, channel);
  }

  unsubscribe(session: Session, filter: string): void {
    session.subscriptions.delete(filter);
    this.#save(session);
  }

  /** The connection is gone; the adapter calls this exactly once, whoever closed it. */
  detach(session: Session): void {
    session.expiry.stop();
    const isLive = this.#live.get(session.key) === session;
    if (isLive) this.#live.delete(session.key);
    for (const watcher of this.#watchers) watcher.closed(session);
    if (isLive) this.#mark(session, false);
  }

  find(name: IdentityName): Session | undefined {
    return this.#live.get(identityKey(name));
  }

  findByKey(key: string): Session | undefined {
    return this.#live.get(key);
  }

  /** Live sessions of a device and its modules; `*` means everybody. */
  of(deviceId: string): Session[] {
    return [...this.#live.values()].filter(
      (session) => deviceId === "*" || session.identity.deviceId === deviceId,
    );
  }

  /** Closes a live connection for a reason. */
  close(session: Session, reason: HubError): void {
    this.#end(session, reason);
  }

  /** The hub's clock jumped: tokens may have expired. */
  refreshExpiries(): void {
    for (const session of this.#live.values()) session.expiry.refresh();
  }

  get liveCount(): number {
    return this.#live.size;
  }

  created(): void {
    // A session begins with a connection, not with an identity.
  }

  removed(identity: Identity): void {
    const session = this.find(identity);
    if (session !== undefined) {
      this.#end(session, new HubError(404001, `"${session.key}" was deleted from the registry`));
    }
    this.#forget(identityKey(identity));
  }

  changed(identity: Identity): void {
    const session = this.find(identity);
    if (session !== undefined && identity.status === "disabled") {
      this.#end(session, new HubError(403012, `"${session.key}" was disabled`));
    }
  }

  #restore(session: Session): boolean {
    const stored = this.#stored.get(session.key);
    if (session.isClean) {
      if (stored !== undefined) this.#forget(session.key);
      return false;
    }
    for (const subscription of stored ?? []) {
      session.subscriptions.set(subscription.filter, subscription);
    }
    if (stored === undefined) this.#save(session);
    return stored !== undefined;
  }

  #save(session: Session): void {
    if (session.isClean) return;
    const list = [...session.subscriptions.values()];
    this.#stored.set(session.key, list);
    this.#context.journal.put("session", session.key, { list });
  }

  #forget(key: string): void {
    this.#stored.delete(key);
    this.#context.journal.delete("session", key);
  }

  #end(session: Session, reason: HubError): void {
    session.expiry.stop();
    const isLive = this.#live.get(session.key) === session;
    if (isLive) this.#live.delete(session.key);
    session.link.close(reason);
    if (isLive) this.#mark(session, false);
  }

  #opened(session: Session, channel: Channel): void {
    if (this.#live.get(session.key) !== session) return;
    for (const watcher of this.#watchers) watcher.opened(session, channel);
  }

  /** Commits nothing: a connection must end also when the store does not work. */
  #mark(session: Session, isConnected: boolean): void {
    if (this.#registry.find(session.identity) === undefined) return;
    const { activity } = session;
    activity.connected = isConnected;
    activity.connectionStateUpdatedMs = this.#context.nowMs();
    activity.lastActivityMs = this.#context.nowMs();
    const event = connectionEvent(this.#context, session.identity, isConnected);
    this.#context.events.append(event);
  }
}
