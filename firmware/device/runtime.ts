/** The device at run time: routes between connection, twin, methods and the application; no handler can break it. */
import { encodeUtf8 } from "../codec/utf8.ts";
import { randomShare } from "../connection/backoff.ts";
import { decodeBag } from "../connection/bag.ts";
import { Connection } from "../connection/connection.ts";
import {
  METHOD_REQUEST_PREFIX,
  methodResponseTopic,
  segmentAfter,
  TWIN_DESIRED_PREFIX,
  TWIN_RESPONSE_PREFIX,
  topicParameter,
  twinGetTopic,
  twinReportedTopic,
} from "../connection/topics.ts";
import type {
  ConnectionHandlers,
  ConnectionState,
  Fault,
  OutboxLimits,
  Settled,
} from "../connection/types.ts";
import type { Model } from "../model/types.ts";
import type { LogLevel } from "../ports/log.ts";
import type { Platform } from "../ports/platform.ts";
import type { TimerHandle } from "../ports/timers.ts";
import { JsonEncoder } from "../telemetry/json-encoder.ts";
import type { Outcome } from "../twin/desired.ts";
import { Methods, type MethodsHost } from "../twin/methods.ts";
import { Refusal } from "../twin/refusal.ts";
import { Twin, type TwinHost } from "../twin/twin.ts";
import { CloudMessage } from "./cloud-message.ts";
import { Guard, type Handler, type Handlers } from "./guard.ts";
import { type Inbound, Inbox } from "./inbox.ts";
import { Sender } from "./sender.ts";
import type { DeviceCounters, DeviceOptions } from "./types.ts";
import { type Periodic, type Work, Works, type WorksHost } from "./works.ts";

const storedDesiredKey = "twin.desired";
const commandTimeoutDefaultMs = 25_000;

export class DeviceRuntime implements ConnectionHandlers, TwinHost, MethodsHost, WorksHost {
  readonly connection: Connection;
  readonly twin: Twin;
  readonly counters: DeviceCounters = {
    invalidValues: 0,
    refusedMessages: 0,
    handlerErrors: 0,
    cloudMessages: 0,
  };
  private readonly platform: Platform;
  private readonly options: DeviceOptions<Model>;
  private readonly guard: Guard;
  private readonly methods: Methods;
  private readonly sender: Sender;
  private readonly works: Works;
  private readonly inbox = new Inbox();
  private readonly onTimer = () => this.tick();
  private timer: TimerHandle | undefined;
  private timerAtMs = Infinity;
  private isStarted = false;
  private isRestored = false;
  /** Deadlines are looked at again when the outermost call ends. */
  private depth = 0;

  constructor(model: Model, platform: Platform, options: DeviceOptions<Model>) {
    const { encoder = new JsonEncoder(), commandTimeoutMs = commandTimeoutDefaultMs } = options;
    this.platform = platform;
    this.options = options;
    this.guard = new Guard(platform.log, this.counters);
    const { telemetry: path, connection } = options;
    // A store that can wait must not lose what it has handed over.
    const outbox: Partial<OutboxLimits> = {
      ...(path && { overflow: "refuse" }),
      ...connection?.outbox,
    };
    this.connection = new Connection(platform, { ...connection, outbox, modelId: model.id }, this);
    this.twin = new Twin(model.properties ?? {}, this);
    this.twin.desired.repeatsOffers = options.repeatsDesired ?? false;
    this.methods = new Methods(model.commands ?? {}, this, commandTimeoutMs);
    const { telemetry = {} } = model;
    this.sender = new Sender(telemetry, platform, this.connection, encoder, this.guard);
    if (path) this.sender.use(path);
    this.works = new Works(this, this.guard);
  }

  start(): void {
    if (this.isStarted) return;
    this.isStarted = true;
    this.depth++;
    if (!this.isRestored) this.twin.restore(this.stored());
    this.isRestored = true;
    this.works.start();
    this.connection.start();
    this.leave();
  }

  stop(): void {
    this.isStarted = false;
    this.works.stop();
    this.sender.persist();
    this.connection.stop();
    this.arm();
  }

  restart(): void {
    this.stop();
    this.platform.restart();
  }

  send(values: Readonly<Record<string, unknown>>, onSettled?: (outcome: Settled) => void): boolean {
    const isTaken = this.sender.send(values, onSettled);
    this.wake();
    return isTaken;
  }

  report(values: Readonly<Record<string, unknown>>): void {
    this.twin.report(values);
  }

  get(name: string): unknown {
    const i = this.twin.table.names.indexOf(name);
    const { values, specs } = this.twin.table;
    // Before `start` a default is in effect already.
    return i < 0 ? undefined : (values[i] ?? specs[i]!.default);
  }

  every(intervalMs: number, work: Work): Periodic {
    return this.works.add(intervalMs, false, work);
  }

  after(delayMs: number, work: Work): Periodic {
    return this.works.add(delayMs, true, work);
  }

  onOpen(): void {
    this.depth++;
    this.inbox.clear();
    this.methods.disconnected();
    this.twin.connected(this.now());
    this.leave();
  }

  onState(state: ConnectionState, fault: Fault | undefined): void {
    this.depth++;
    if (state !== "connected" && state !== "connecting") {
      this.inbox.clear();
      this.twin.disconnected();
      this.methods.disconnected();
    }
    this.sender.notice(state === "connected");
    const { onState } = this.options;
    if (onState) this.guard.run(() => onState(state, fault), "onState");
    this.leave();
  }

  onRoom(): void {
    this.depth++;
    this.sender.notice(true);
    this.leave();
  }

  /**
   * Only takes the message in. Transport, TLS, MQTT and connection are on the stack here, and the stack of a small
   * chip does not carry the application on top of them: it runs from the timer.
   */
  onMessage(topic: string, payload: Uint8Array, ackToken: number): boolean {
    if (!this.inbox.add(topic, payload, ackToken)) {
      this.log("warn", "a message was refused: the inbox is full");
      this.twin.missed(this.now());
    }
    this.wake();
    return ackToken === 0;
  }

  offer(name: string, value: unknown, version: number): Outcome | Promise<Outcome> {
    const refusal = this.sender.adjust(name, value);
    if (refusal) return refusal;
    const handlers = (this.options.desired ?? {}) as unknown as Handlers;
    return this.guard.call("desired property", handlers, name, value, version) as Outcome;
  }

  invoke(name: string, request: unknown): unknown {
    const handlers = (this.options.commands ?? {}) as unknown as Handlers;
    if (!Object.hasOwn(handlers, name)) return new Refusal(501, `no handler for ${name}`);
    return this.guard.call("command", handlers, name, request);
  }

  publishGet(rid: number): boolean {
    return this.publish(twinGetTopic(rid), "");
  }

  publishPatch(rid: number, body: string): boolean {
    return this.publish(twinReportedTopic(rid), body);
  }

  respond(status: number, rid: string, body: string): boolean {
    return this.publish(methodResponseTopic(status, rid), body);
  }

  persist(text: string): void {
    try {
      this.platform.storage.write(storedDesiredKey, encodeUtf8(text));
    } catch (error) {
      // The store refuses what is too long for it; an older state would be wrong after an offline boot.
      this.platform.storage.delete(storedDesiredKey);
      this.log("warn", `desired state is not kept for offline boots: ${(error as Error).message}`);
    }
  }

  jitter(): number {
    return randomShare(this.platform.random);
  }

  log(level: LogLevel, text: string): void {
    this.platform.log(level, text);
  }

  wake(): void {
    if (this.depth === 0) this.arm();
  }

  private publish(topic: string, body: string): boolean {
    try {
      return this.connection.publish(topic, encodeUtf8(body));
    } catch (error) {
      // A request id that cannot stand in a topic comes from a broken caller.
      this.log("warn", `not published: ${(error as Error).message}`);
      return false;
    }
  }

  now(): number {
    return this.platform.clock.ticksMs();
  }

  private stored(): Uint8Array | undefined {
    try {
      return this.platform.storage.read(storedDesiredKey);
    } catch (error) {
      this.log("warn", `stored desired state cannot be read: ${(error as Error).message}`);
      return undefined;
    }
  }

  private handle(message: Inbound): void {
    const { topic, ackToken } = message;
    let isDone = true;
    try {
      isDone = this.route(message);
    } catch (error) {
      this.log("warn", `message on ${topic.slice(0, 80)} ignored: ${(error as Error).message}`);
    }
    if (isDone && ackToken !== 0) this.connection.acknowledge(ackToken);
  }

  /** False: the message is acknowledged later. */
  private route(message: Inbound): boolean {
    const { topic, payload } = message;
    const nowMs = this.now();
    if (topic.startsWith(TWIN_RESPONSE_PREFIX)) {
      const status = Number(segmentAfter(topic, TWIN_RESPONSE_PREFIX));
      this.twin.response(status, Number(topicParameter(topic, "$rid")), payload, nowMs);
    } else if (topic.startsWith(TWIN_DESIRED_PREFIX)) {
      const version = Number(topicParameter(topic, "$version"));
      this.twin.notification(version > 0 ? version : undefined, payload, nowMs);
    } else if (topic.startsWith(METHOD_REQUEST_PREFIX)) {
      const rid = topicParameter(topic, "$rid");
      const name = segmentAfter(topic, METHOD_REQUEST_PREFIX);
      if (rid !== undefined) this.methods.request(name, rid, payload, nowMs);
    } else return this.deliver(message);
    return true;
  }

  private deliver({ topic, payload, ackToken }: Inbound): boolean {
    const handler = this.options.onMessage;
    const bagAt = topic.indexOf("/messages/devicebound/");
    if (!handler || bagAt < 0) {
      this.log("warn", "a cloud-to-device message was ignored: nobody handles it");
      return true;
    }
    const properties = decodeBag(topic.slice(bagAt + "/messages/devicebound/".length));
    this.counters.cloudMessages++;
    const message = new CloudMessage(properties, payload);
    const result = this.guard.run(handler as Handler, "onMessage", message);
    if (!(result instanceof Promise) || ackToken === 0) return true;
    void result.then(() => this.connection.acknowledge(ackToken));
    return false;
  }

  private tick(): void {
    this.timer = undefined;
    this.timerAtMs = Infinity;
    this.depth++;
    for (let message = this.inbox.take(); message; message = this.inbox.take()) {
      this.handle(message);
    }
    const nowMs = this.now();
    try {
      this.twin.tick(nowMs);
      this.methods.tick(nowMs);
    } catch (error) {
      this.guard.failed("twin", error);
    }
    this.sender.tick(nowMs);
    this.works.tick(nowMs);
    this.leave();
  }

  private leave(): void {
    if (--this.depth === 0) this.arm();
  }

  /** One timer for everything: moved when the earliest deadline moves. */
  private arm(): void {
    const { timers } = this.platform;
    let atMs = Infinity;
    if (this.isStarted) {
      atMs = this.inbox.isEmpty ? Infinity : 0;
      atMs = Math.min(atMs, this.twin.nextDeadlineMs(), this.methods.nextDeadlineMs());
      atMs = Math.min(atMs, this.sender.nextDeadlineMs(), this.works.nextDeadlineMs());
    }
    if (atMs === this.timerAtMs) return;
    if (this.timer) timers.stop(this.timer);
    this.timerAtMs = atMs;
    const delayMs = Math.max(0, atMs - this.now());
    this.timer = atMs === Infinity ? undefined : timers.start(delayMs, this.onTimer);
  }
}
