// Faults on purpose: what devices must survive, at the press of a key (IoT Hub error codes 400029, 401003, 404012).
import { HubError } from "./hub-error.ts";
import type { FaultService } from "./service.ts";
import type { Session } from "./sessions.ts";

/** The live connections, as far as faults need them. */
export interface FaultTargets {
  of(deviceId: string): Session[];
  close(session: Session, reason: HubError): void;
}

interface Timed<T> {
  untilMs: number;
  value: T;
}

export type RefusalCode = 3 | 4 | 5;

export class Faults implements FaultService {
  readonly #nowMs: () => number;
  #targets: FaultTargets | undefined;
  #onFailOver: (() => void) | undefined;
  #onSkew: (() => void) | undefined;
  readonly #throttled = new Map<string, Timed<true>>();
  readonly #refused = new Map<string, Timed<RefusalCode>>();
  readonly #delayed = new Map<string, Timed<number>>();
  #failOverUntilMs = 0;
  #skewMs = 0;

  /** `nowMs` is the environment's clock: faults last as long as they were asked to, whatever the skew. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Wired once by the hub; sessions need the clock that this class moves. */
  bind(targets: FaultTargets, hooks: { onFailOver: () => void; onSkew: () => void }): void {
    this.#targets = targets;
    this.#onFailOver = hooks.onFailOver;
    this.#onSkew = hooks.onSkew;
  }

  drop(deviceId: string): number {
    return this.#close(deviceId, new HubError(400029, "dropped on purpose"));
  }

  throttle(deviceId: string, durationMs: number): void {
    this.#set(this.#throttled, deviceId, { durationMs, value: true });
  }

  expireToken(deviceId: string): number {
    return this.#close(deviceId, new HubError(401003, "token expired on purpose"));
  }

  refuse(deviceId: string, durationMs: number, returnCode: RefusalCode = 3): void {
    this.#set(this.#refused, deviceId, { durationMs, value: returnCode });
  }

  delay(deviceId: string, delayMs: number, durationMs: number): void {
    this.#set(this.#delayed, deviceId, { durationMs, value: delayMs });
  }

  failOver(durationMs: number): void {
    this.#failOverUntilMs = this.#nowMs() + durationMs;
    this.#close("*", new HubError(404012, "the hub fails over on purpose"));
    this.#onFailOver?.();
  }

  skewClock(skewMs: number): void {
    this.#skewMs = skewMs;
    this.#onSkew?.();
  }

  clear(): void {
    this.#throttled.clear();
    this.#refused.clear();
    this.#delayed.clear();
    this.#failOverUntilMs = 0;
    this.skewClock(0);
  }

  get skewMs(): number {
    return this.#skewMs;
  }

  /** Milliseconds for which the device's sends are held back; 0 = none. */
  throttledForMs(deviceId: string): number {
    const fault = this.#find(this.#throttled, deviceId);
    return fault === undefined ? 0 : fault.untilMs - this.#nowMs();
  }

  /** @throws HubError 429001 while the device is throttled on purpose. */
  demandUnthrottled(deviceId: string): void {
    const waitMs = this.throttledForMs(deviceId);
    if (waitMs === 0) return;
    throw new HubError(429001, `"${deviceId}" is throttled on purpose for ${waitMs} ms`, {
      retryAfterS: Math.ceil(waitMs / 1000),
    });
  }

  /** The CONNACK code to refuse with, if any. */
  refusalOf(deviceId: string): RefusalCode | undefined {
    if (this.#failOverUntilMs > this.#nowMs()) return 3;
    return this.#find(this.#refused, deviceId)?.value;
  }

  /** How long output to the device is held back. */
  delayMsOf(deviceId: string): number {
    return this.#find(this.#delayed, deviceId)?.value ?? 0;
  }

  #close(deviceId: string, reason: HubError): number {
    const targets = this.#targets?.of(deviceId) ?? [];
    for (const session of targets) this.#targets?.close(session, reason);
    return targets.length;
  }

  #set<T>(
    table: Map<string, Timed<T>>,
    deviceId: string,
    fault: { durationMs: number; value: T },
  ): void {
    table.set(deviceId, { untilMs: this.#nowMs() + fault.durationMs, value: fault.value });
  }

  #find<T>(table: Map<string, Timed<T>>, deviceId: string): Timed<T> | undefined {
    if (table.size === 0) return undefined;
    for (const key of [deviceId, "*"]) {
      const fault = table.get(key);
      if (fault === undefined) continue;
      if (fault.untilMs > this.#nowMs()) return fault;
      table.delete(key);
    }
    return undefined;
  }
}
