/** What device code holds: a connection that looks after itself, an outbox, and handlers that cannot hurt it. */
import { GodwitError } from "../codec/error.ts";
import type { Platform } from "../ports/platform.ts";
import { KEEP_ALIVE_DEFAULT_S, TOKEN_LIFE_DEFAULT_S } from "./hub-session.ts";
import { KEEP_ALIVE_MAX_S } from "./limits.ts";
import { Outbox } from "./outbox.ts";
import { Supervisor, type SupervisorOwner } from "./supervisor.ts";
import type {
  ConnectionCounters,
  ConnectionHandlers,
  ConnectionOptions,
  ConnectionState,
  Fault,
  OutboundMessage,
  Settled,
} from "./types.ts";

const TOKEN_LIFE_MIN_S = 60;

export class Connection implements SupervisorOwner {
  readonly outbox: Outbox;
  readonly counters: ConnectionCounters = {
    connects: 0,
    failures: 0,
    renewals: 0,
    provisionings: 0,
    acknowledged: 0,
    dropped: 0,
    handlerErrors: 0,
  };
  private readonly platform: Platform;
  private readonly handlers: ConnectionHandlers;
  private readonly supervisor: Supervisor;

  /** Does nothing until `start`. @throws GodwitError `argument` for options outside their range. */
  constructor(platform: Platform, options: ConnectionOptions, handlers: ConnectionHandlers) {
    const { keepAliveS = KEEP_ALIVE_DEFAULT_S, tokenLifeS = TOKEN_LIFE_DEFAULT_S } = options;
    if (!(keepAliveS >= 1 && keepAliveS <= KEEP_ALIVE_MAX_S))
      throw new GodwitError("argument", `keepAliveS: 1 to ${KEEP_ALIVE_MAX_S}`);
    if (!(tokenLifeS >= TOKEN_LIFE_MIN_S))
      throw new GodwitError("argument", `tokenLifeS: at least ${TOKEN_LIFE_MIN_S}`);
    this.platform = platform;
    this.handlers = handlers;
    this.outbox = new Outbox(options.outbox, (message, outcome) => this.settle(message, outcome));
    this.supervisor = new Supervisor(platform, options, this.outbox, this);
  }

  get state(): ConnectionState {
    return this.supervisor.state;
  }

  /** The last thing that went wrong; it stays readable after it was overcome. */
  get lastFault(): Fault | undefined {
    return this.supervisor.fault;
  }

  /** Monotonic time of the next attempt; meaningful while `offline`. */
  get nextAttemptMs(): number {
    return this.supervisor.nextAttemptMs;
  }

  /** Empty until storage or the provisioning service has told it. */
  get deviceId(): string {
    return this.supervisor.deviceId;
  }

  /** As `deviceId`. */
  get hubHost(): string {
    return this.supervisor.hubHost;
  }

  /** False: the wall clock stands on its floor, and what it says must not stamp telemetry. */
  get isTimeKnown(): boolean {
    return this.supervisor.time.isKnown;
  }

  /** MQTT bytes given to and taken from hub transports; TLS and provisioning not counted. */
  get sentBytes(): number {
    return this.supervisor.session.link.sentBytes;
  }

  get receivedBytes(): number {
    return this.supervisor.session.link.receivedBytes;
  }

  /** Begins; from here on the connection looks after itself. Does nothing if it runs already. */
  start(): void {
    if (this.state === "stopped") this.supervisor.start();
  }

  /** Ends at once. Messages that are not acknowledged stay in the outbox for the next `start`. */
  stop(): void {
    if (this.state !== "stopped") this.supervisor.stop();
  }

  /** Tries now instead of waiting out the backoff: a button was pressed, the network came up. */
  retryNow(): void {
    this.supervisor.retryNow();
  }

  /**
   * Queues telemetry, connected or not. False: refused by the outbox's policy; true: `message.onSettled`
   * will be called once.
   */
  send(message: OutboundMessage): boolean {
    if (!this.outbox.offer(message)) return false;
    this.supervisor.session.feed();
    return true;
  }

  /**
   * QoS 0, now or never: twin requests and method responses. False: not possible now.
   * @throws GodwitError `argument` for a topic that cannot be published to.
   */
  publish(topic: string, payload: Uint8Array): boolean {
    return this.supervisor.session.publish(topic, payload);
  }

  /** Acknowledges a message for which `onMessage` returned false. False: its session is over; it comes again. */
  acknowledge(ackToken: number): boolean {
    return this.supervisor.session.acknowledge(ackToken);
  }

  /** For the supervisor. */
  onState(state: ConnectionState, fault: Fault | undefined): void {
    try {
      this.handlers.onState?.(state, fault);
    } catch (error) {
      this.contain("onState", error);
    }
  }

  /** For the supervisor. */
  onOpening(): void {
    try {
      this.handlers.onOpen?.();
    } catch (error) {
      this.contain("onOpen", error);
    }
  }

  /** For the supervisor. */
  onMessage(topic: string, payload: Uint8Array, ackToken: number): boolean {
    try {
      return this.handlers.onMessage?.(topic, payload, ackToken) !== false;
    } catch (error) {
      this.contain("onMessage", error);
      return true;
    }
  }

  /** For the supervisor. */
  onAcknowledged(): void {
    try {
      this.handlers.onRoom?.();
    } catch (error) {
      this.contain("onRoom", error);
    }
  }

  private settle(message: OutboundMessage, outcome: Settled): void {
    this.counters[outcome]++;
    try {
      message.onSettled?.(outcome);
    } catch (error) {
      this.contain("onSettled", error);
    }
  }

  private contain(handler: string, error: unknown): void {
    this.counters.handlerErrors++;
    this.platform.log("error", `${handler} threw: ${String(error)}`);
  }
}
