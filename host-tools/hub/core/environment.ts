// What the hub needs from the world: wall time, timers, randomness. Real in `godwit hub`, virtual in tests.
import type { Random } from "../../../firmware/ports/random.ts";
import type { TimerHandle, Timers } from "../../../firmware/ports/timers.ts";

/** Everything the core takes from outside; it owns no clock, no socket and no file. */
export interface HubEnvironment {
  /** Wall time, Unix milliseconds. */
  nowMs(): number;
  readonly timers: Timers;
  readonly random: Random;
}

/** `byteCount` random bytes. */
export function randomBytes(environment: HubEnvironment, byteCount: number): Uint8Array {
  const bytes = new Uint8Array(byteCount);
  environment.random.fill(bytes);
  return bytes;
}

export function randomHex(environment: HubEnvironment, byteCount: number): string {
  return Buffer.from(randomBytes(environment, byteCount)).toString("hex");
}

/** A fresh symmetric key as IoT Hub makes them: 32 bytes, base64. */
export function randomKey(environment: HubEnvironment): string {
  return Buffer.from(randomBytes(environment, 32)).toString("base64");
}

/** A version 4 UUID (RFC 9562 §5.4). */
export function randomUuid(environment: HubEnvironment): string {
  const bytes = randomBytes(environment, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = Buffer.from(bytes).toString("hex");
  return [8, 12, 16, 20, 32]
    .map((end, index, ends) => hex.slice(index === 0 ? 0 : ends[index - 1], end))
    .join("-");
}

/** ISO 8601 text with milliseconds, as the service prints times. */
export function isoTime(unixMs: number): string {
  return new Date(unixMs).toISOString();
}

/** Where the service prints "never": .NET's DateTime.MinValue. */
export const NEVER = "0001-01-01T00:00:00Z";

/** Longest delay that timers of every platform can take (2^31 − 1 ms). */
const TIMER_DELAY_MAX_MS = 2_147_483_647;

/** A deadline on the wall clock that may be years away; moving it replaces it. */
export class Deadline {
  readonly #environment: HubEnvironment;
  readonly #onDue: () => void;
  readonly #nowMs: () => number;
  #handle: TimerHandle | undefined;
  #atMs = Number.POSITIVE_INFINITY;

  constructor(environment: HubEnvironment, nowMs: () => number, onDue: () => void) {
    this.#environment = environment;
    this.#nowMs = nowMs;
    this.#onDue = onDue;
  }

  /** `Infinity` stops it. */
  set(atMs: number): void {
    if (atMs === this.#atMs && this.#handle !== undefined) return;
    if (this.#handle !== undefined) this.#environment.timers.stop(this.#handle);
    this.#handle = undefined;
    this.#atMs = atMs;
    if (atMs === Number.POSITIVE_INFINITY) return;
    const delayMs = Math.min(Math.max(0, atMs - this.#nowMs()), TIMER_DELAY_MAX_MS);
    this.#handle = this.#environment.timers.start(delayMs, () => this.#fire());
  }

  stop(): void {
    this.set(Number.POSITIVE_INFINITY);
  }

  /** To be called when the clock it goes by has jumped. */
  refresh(): void {
    const atMs = this.#atMs;
    this.stop();
    this.set(atMs);
  }

  #fire(): void {
    this.#handle = undefined;
    const atMs = this.#atMs;
    this.#atMs = Number.POSITIVE_INFINITY;
    if (this.#nowMs() < atMs) this.set(atMs);
    else this.#onDue();
  }
}
