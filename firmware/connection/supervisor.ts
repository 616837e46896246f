/** Decides when to connect, where to and as whom; every way a session can end leads back to here. */
import type { Platform } from "../ports/platform.ts";
import type { TlsOptions } from "../ports/socket.ts";
import type { TimerHandle } from "../ports/timers.ts";
import { type Assignment, readAssignment, writeAssignment } from "./assignment.ts";
import { Backoff, HEALTHY_AFTER_MS, type Pace, randomShare } from "./backoff.ts";
import { type DpsIdentity, readIdentity, readTls } from "./credentials.ts";
import { type DpsOutcome, Registration } from "./dps.ts";
import { explain, paceOf } from "./faults.ts";
import { HubSession, type SessionOwner, TOKEN_LIFE_DEFAULT_S } from "./hub-session.ts";
import type { Outbox } from "./outbox.ts";
import { TimeKeeper } from "./time-keeper.ts";
import type {
  ConnectionCounters,
  ConnectionOptions,
  ConnectionState,
  Fault,
  FaultCode,
} from "./types.ts";

/** Failed attempts in a row after which a provisioned device asks for its hub again. */
export const HUB_FAILURES_MAX = 10;
/** So many sessions in a row, each closed by the other side within TAKEOVER_SESSION_MS: somebody has our identity. */
export const TAKEOVERS_MIN = 3;
export const TAKEOVER_SESSION_MS = 60_000;
/** A renewal begins between these shares of the token's life, so that a fleet does not renew as one. */
export const RENEW_FROM = 0.75;
export const RENEW_TO = 0.85;
/** PUBACKs are waited for this long before a planned reconnect. What is late is sent again with DUP. */
export const DRAIN_MS = 5000;
/** A DISCONNECT that the transport has not taken by then is not waited for. */
const LEAVE_MS = 2000;

/** The room's public class; its methods contain what handlers throw. */
export interface SupervisorOwner {
  readonly counters: ConnectionCounters;
  onState(state: ConnectionState, fault: Fault | undefined): void;
  onOpening(): void;
  onMessage(topic: string, payload: Uint8Array, ackToken: number): boolean;
  onAcknowledged(): void;
}

export class Supervisor implements SessionOwner {
  state: ConnectionState = "stopped";
  fault: Fault | undefined;
  nextAttemptMs = 0;
  deviceId = "";
  hubHost = "";
  readonly time: TimeKeeper;
  readonly session: HubSession;
  private readonly platform: Platform;
  private readonly options: ConnectionOptions;
  private readonly outbox: Outbox;
  private readonly owner: SupervisorOwner;
  private readonly backoff: Backoff;
  private registration: Registration | undefined;
  /** The only timer here: next attempt, health check, renewal, end of draining. */
  private timer: TimerHandle | undefined;
  private acceptedMs = 0;
  /** Monotonic: a wall clock that jumps must not move it. */
  private renewMs = Number.POSITIVE_INFINITY;
  private isHealthy = false;
  private phase: "steady" | "draining" | "leaving" = "steady";
  private mustProvision = false;
  private mustSync = false;
  private hubFailures = 0;
  /** Identity refusals since the hub last accepted us: the first has remedies, the others need a person. */
  private refusals = 0;
  private takeovers = 0;

  constructor(
    platform: Platform,
    options: ConnectionOptions,
    outbox: Outbox,
    owner: SupervisorOwner,
  ) {
    this.platform = platform;
    this.options = options;
    this.outbox = outbox;
    this.owner = owner;
    this.time = new TimeKeeper(platform);
    this.backoff = new Backoff(platform.random);
    this.session = new HubSession(platform, options, outbox, this);
  }

  start(): void {
    const spreadMs = this.options.firstConnectSpreadMs ?? 0;
    this.wait(Math.round(randomShare(this.platform.random) * spreadMs));
  }

  stop(): void {
    this.arm(Number.POSITIVE_INFINITY);
    this.time.cancel();
    this.registration?.stop();
    this.registration = undefined;
    if (this.state === "connected") this.session.disconnect();
    this.session.close();
    this.setState("stopped");
  }

  retryNow(): void {
    if (this.state === "offline") this.wait(0);
  }

  onOpening(): void {
    this.owner.onOpening();
  }

  onAccepted(): void {
    this.owner.counters.connects++;
    this.acceptedMs = this.platform.clock.ticksMs();
    this.isHealthy = false;
    this.phase = "steady";
    this.hubFailures = 0;
    this.refusals = 0;
    this.time.saveFloor();
    this.armConnected();
    this.setState("connected");
  }

  onMessage(topic: string, payload: Uint8Array, ackToken: number): boolean {
    return this.owner.onMessage(topic, payload, ackToken);
  }

  onAcknowledged(): void {
    this.owner.onAcknowledged();
    if (this.phase === "draining" && this.outbox.inFlight === 0) this.leave();
  }

  onEnded(fault: FaultCode | undefined, detail: string): void {
    if (fault === undefined || (this.phase !== "steady" && this.state === "connected")) {
      this.renewed();
      return;
    }
    const pace = this.judge(fault);
    const isTakeover = this.takeovers >= TAKEOVERS_MIN;
    this.failed(isTakeover ? "takeover" : fault, detail, 0, isTakeover ? "takeover" : pace);
  }

  /** Draws the conclusions from a session's end, beyond waiting. */
  private judge(fault: FaultCode): Pace {
    const wasConnected = this.state === "connected";
    const lifeMs = this.platform.clock.ticksMs() - this.acceptedMs;
    const isKick = wasConnected && fault === "closed" && lifeMs < TAKEOVER_SESSION_MS;
    this.takeovers = isKick ? this.takeovers + 1 : 0;
    if (!wasConnected && ++this.hubFailures >= HUB_FAILURES_MAX) this.mustProvision = true;
    if (fault === "clock" || fault === "certificate") this.mustSync = true;
    if (fault !== "credentials") return paceOf(fault);
    this.mustSync = true;
    this.mustProvision = true;
    return ++this.refusals === 1 ? "network" : "identity";
  }

  private attempt(): void {
    const isSyncDue = this.mustSync || !this.time.isKnown;
    if (!isSyncDue || !this.time.hasSource) {
      this.connect();
      return;
    }
    this.mustSync = false;
    if (this.setState("clock")) this.time.sync(() => this.connect());
  }

  private connect(): void {
    try {
      const { storage } = this.platform;
      const identity = readIdentity(storage);
      const tls = readTls(storage, this.options.tls, identity.key === undefined);
      if (identity.kind === "hub") {
        const { host, deviceId, key, gateway } = identity;
        this.openHub(host, deviceId, key, tls, gateway);
        return;
      }
      const known = this.mustProvision
        ? undefined
        : readAssignment(storage, identity.scope, identity.registrationId);
      if (known) this.openHub(known.hub, known.device, identity.key, tls);
      else this.provision(identity, tls);
    } catch (error) {
      this.failed("configuration", error instanceof Error ? error.message : String(error));
    }
  }

  private openHub(
    host: string,
    deviceId: string,
    key: Uint8Array | undefined,
    tls: TlsOptions,
    gateway?: string,
  ): void {
    this.deviceId = deviceId;
    this.hubHost = host;
    if (!this.setState("connecting")) return;
    const lifeMs = (this.options.tokenLifeS ?? TOKEN_LIFE_DEFAULT_S) * 1000;
    const share = RENEW_FROM + randomShare(this.platform.random) * (RENEW_TO - RENEW_FROM);
    this.renewMs = key ? this.platform.clock.ticksMs() + lifeMs * share : Number.POSITIVE_INFINITY;
    const { isKnown: isTimeKnown } = this.time;
    this.session.open({ host, gateway, deviceId, key, tls, isTimeKnown, nowS: this.time.nowS() });
  }

  private provision(identity: DpsIdentity, tls: TlsOptions): void {
    if (!this.setState("provisioning")) return;
    this.owner.counters.provisionings++;
    const { isKnown: isTimeKnown } = this.time;
    const { modelId } = this.options;
    this.registration = new Registration(
      this.platform,
      { identity, tls, modelId, isTimeKnown, nowS: this.time.nowS() },
      (outcome) => this.provisioned(outcome, identity, tls),
    );
  }

  private provisioned(outcome: DpsOutcome, identity: DpsIdentity, tls: TlsOptions): void {
    this.registration = undefined;
    this.mustProvision = false;
    this.hubFailures = 0;
    const { assignment, fault = "provisioning", detail = "", retryAfterMs = 0 } = outcome;
    if (assignment) {
      this.keep(assignment);
      this.openHub(assignment.hub, assignment.device, identity.key, tls);
      return;
    }
    const isRefusal = fault === "credentials";
    if (isRefusal || fault === "clock" || fault === "certificate") this.mustSync = true;
    const isFirst = isRefusal && ++this.refusals === 1;
    this.failed(fault, detail, retryAfterMs, isFirst ? "network" : paceOf(fault));
  }

  private keep(assignment: Assignment): void {
    try {
      writeAssignment(this.platform.storage, assignment);
    } catch (error) {
      this.platform.log("warn", `assignment not stored: ${String(error)}`);
    }
  }

  private failed(
    code: FaultCode,
    detail: string,
    retryAfterMs = 0,
    pace: Pace = paceOf(code),
  ): void {
    const message = explain(code, detail);
    this.fault = { code, message, atMs: this.platform.clock.ticksMs() };
    this.owner.counters.failures++;
    const delayMs = this.backoff.nextMs(pace, retryAfterMs);
    this.platform.log(
      "warn",
      `${code}: ${message} (next attempt in ${Math.ceil(delayMs / 1000)} s)`,
    );
    this.wait(delayMs);
  }

  private wait(delayMs: number): void {
    this.nextAttemptMs = this.platform.clock.ticksMs() + delayMs;
    this.arm(delayMs);
    this.setState("offline");
  }

  /** Waits for what comes first: proof of health, or renewal. */
  private armConnected(): void {
    const healthyMs = this.isHealthy
      ? Number.POSITIVE_INFINITY
      : this.acceptedMs + HEALTHY_AFTER_MS;
    this.arm(Math.min(healthyMs, this.renewMs) - this.platform.clock.ticksMs());
  }

  private arm(delayMs: number): void {
    const { timers } = this.platform;
    if (this.timer) timers.stop(this.timer);
    this.timer = undefined;
    if (delayMs === Number.POSITIVE_INFINITY) return;
    this.timer = timers.start(Math.max(0, delayMs), () => this.onTimer());
  }

  private onTimer(): void {
    this.timer = undefined;
    try {
      if (this.state === "offline") this.attempt();
      else if (this.state === "connected") this.onConnectedTimer();
    } catch (error) {
      this.failed("protocol", String(error));
    }
  }

  private onConnectedTimer(): void {
    if (this.phase === "draining") {
      this.leave();
      return;
    }
    if (this.phase === "leaving") {
      this.session.close();
      this.renewed();
      return;
    }
    const nowMs = this.platform.clock.ticksMs();
    if (nowMs - this.acceptedMs >= HEALTHY_AFTER_MS && !this.isHealthy) {
      this.isHealthy = true;
      this.takeovers = 0;
      this.backoff.reset();
    }
    if (nowMs < this.renewMs) {
      this.armConnected();
      return;
    }
    this.phase = "draining";
    this.session.drain();
    if (this.outbox.inFlight === 0) this.leave();
    else this.arm(DRAIN_MS);
  }

  private leave(): void {
    this.phase = "leaving";
    this.arm(LEAVE_MS);
    this.session.disconnect();
  }

  private renewed(): void {
    this.phase = "steady";
    this.owner.counters.renewals++;
    this.arm(Number.POSITIVE_INFINITY);
    this.attempt();
  }

  /** False: a handler changed the state at once (it may call `stop`); the caller must not go on. */
  private setState(state: ConnectionState): boolean {
    if (this.state === state) return true;
    this.state = state;
    this.owner.onState(state, this.fault);
    return this.state === state;
  }
}
