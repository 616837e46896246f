// One request, one reply over an open port: timeouts, matching, bounded queues. No policy.
import { type HostClock, sleep } from "../../serial/clock.ts";
import { DeviceError } from "../../serial/error.ts";
import type { PortSource, SerialLines, SerialPort } from "../../serial/port.ts";
import { interrupted } from "../../user-error.ts";
import {
  blockChecksum,
  type LoaderFrame,
  loaderErrors,
  op,
  parseFrame,
  requestHeader,
} from "./protocol.ts";
import { encodeFrame, SlipDecoder } from "./slip.ts";

/** Frames waiting to be read; the oldest is dropped. A read keeps 64 packets in flight. */
const framesMax = 128;
/** Replies to other commands (late ones, repeated ones) skipped while waiting for ours. */
const foreignRepliesMax = 100;
export const defaultTimeoutMs = 3000;

export interface RequestOptions {
  timeoutMs?: number;
  /** Data bytes that come before the status bytes. */
  replyBytes?: number;
  /** Payload that follows `body` and is covered by the checksum (the three data commands). */
  payload?: Uint8Array;
}

export interface Reply {
  readonly value: number;
  readonly data: Uint8Array;
}

const nameOf = new Map<number, string>(Object.entries(op).map(([name, code]) => [code, name]));

export class EspLink {
  readonly clock: HostClock;
  readonly source: PortSource;
  #port: SerialPort | undefined;
  #closedBy: DeviceError | undefined;
  #frames: Uint8Array[] = [];
  #wake: (() => void) | undefined;
  #receivedBytes = 0;
  #signal: AbortSignal | undefined;
  #stateIfInterrupted = "";
  readonly #decoder = new SlipDecoder((frame) => {
    if (this.#frames.length === framesMax) this.#frames.shift();
    this.#frames.push(frame);
    this.#wake?.();
  });

  constructor(source: PortSource, clock: HostClock) {
    this.source = source;
    this.clock = clock;
  }

  get port(): SerialPort | undefined {
    return this.#port;
  }

  /** Text between frames since the last `forgetLog()`: what an application or the ROM printed. */
  bootLog(): string {
    return new TextDecoder("latin1").decode(this.#decoder.noise());
  }

  forgetLog(): void {
    this.#decoder.forgetNoise();
  }

  /** From now on every wait ends when `signal` is aborted, with an error that tells `state`. */
  interruptOn(signal: AbortSignal | undefined, state = ""): void {
    this.#signal = signal;
    this.#stateIfInterrupted = state;
  }

  /** The error that ends a job since the signal was aborted. */
  interruption(): Error | undefined {
    return this.#signal?.aborted ? interrupted(this.#stateIfInterrupted) : undefined;
  }

  #stopIfInterrupted(): void {
    const error = this.interruption();
    if (error) throw error;
  }

  async open(baud: number): Promise<void> {
    await this.close();
    this.#stopIfInterrupted();
    this.#closedBy = undefined;
    this.discardInput();
    const opening = this.source.open(baud, {
      onData: (bytes) => {
        this.#receivedBytes += bytes.length;
        this.#decoder.feed(bytes);
      },
      onClose: (error) => {
        this.#closedBy = error;
        this.#port = undefined;
        this.#wake?.();
      },
    });
    this.#port = await this.#unlessInterrupted(opening);
  }

  /** A port that opens too late is closed again. */
  #unlessInterrupted(opening: Promise<SerialPort>): Promise<SerialPort> {
    const signal = this.#signal;
    if (!signal) return opening;
    return new Promise((resolve, reject) => {
      const stop = () => {
        opening.then((port) => port.close()).catch(() => undefined);
        reject(interrupted(this.#stateIfInterrupted));
      };
      signal.addEventListener("abort", stop, { once: true });
      opening.finally(() => signal.removeEventListener("abort", stop)).then(resolve, reject);
    });
  }

  async close(): Promise<void> {
    const port = this.#port;
    this.#port = undefined;
    await port?.close();
  }

  #require(): SerialPort {
    if (this.#port) return this.#port;
    throw this.#closedBy ?? new DeviceError("port-gone", `${this.source.address} is not open`);
  }

  async setLines(lines: SerialLines): Promise<void> {
    await this.#require().setLines(lines);
  }

  async setBaud(baud: number): Promise<void> {
    await this.#require().setBaud(baud);
  }

  discardInput(): void {
    this.#frames = [];
    this.#decoder.reset();
  }

  /** Sends one frame and waits for nothing. */
  async send(...parts: readonly Uint8Array[]): Promise<void> {
    await this.#require().write(encodeFrame(...parts));
  }

  /** The next frame of any kind. @throws DeviceError `no-reply` after `timeoutMs`. */
  async readFrame(timeoutMs: number): Promise<Uint8Array> {
    const deadlineMs = this.clock.nowMs() + timeoutMs;
    for (;;) {
      const frame = this.#frames.shift();
      if (frame) return frame;
      this.#stopIfInterrupted();
      this.#require();
      const leftMs = deadlineMs - this.clock.nowMs();
      if (leftMs <= 0) {
        throw new DeviceError("no-reply", `${this.source.address} did not answer in time`, {
          hint: "godwit flash --no-stub, or a lower --baud; check the cable",
        });
      }
      await this.#waitForFrame(leftMs);
    }
  }

  #waitForFrame(timeoutMs: number): Promise<void> {
    const signal = this.#signal;
    return new Promise((resolve) => {
      const done = () => {
        cancel();
        signal?.removeEventListener("abort", done);
        this.#wake = undefined;
        resolve();
      };
      const cancel = this.clock.after(timeoutMs, done);
      signal?.addEventListener("abort", done);
      this.#wake = done;
    });
  }

  /**
   * Sends a request and returns its reply.
   * @throws DeviceError `no-reply`, `port-gone`, or `refused` when the status says failure.
   */
  async request(operation: number, body: Uint8Array, options: RequestOptions = {}): Promise<Reply> {
    const payload = options.payload ?? new Uint8Array(0);
    const checksum = options.payload ? blockChecksum(payload) : 0;
    this.discardInput();
    await this.send(
      requestHeader(operation, body.length + payload.length, checksum),
      body,
      payload,
    );
    return this.reply(operation, options);
  }

  /** Waits for the reply to a request that was sent already. */
  async reply(operation: number, options: RequestOptions = {}): Promise<Reply> {
    const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
    const deadlineMs = this.clock.nowMs() + timeoutMs;
    for (let skipped = 0; skipped < foreignRepliesMax; skipped++) {
      const frame = parseFrame(await this.readFrame(deadlineMs - this.clock.nowMs()), 1);
      if (!frame) continue;
      if (frame.operation === operation) return checked(operation, frame, options.replyBytes ?? 0);
      // The ROM answers what it does not know under another operation code.
      if (frame.body[0] === 1 && frame.body[1] === 5) throw new RefusedError(operation, 5);
    }
    throw new DeviceError("no-reply", "only replies to other commands arrived");
  }

  /** Reads and drops frames until the line was silent for `quietMs`. */
  async drain(quietMs: number): Promise<void> {
    const drainsMax = 20;
    for (let round = 0; round < drainsMax; round++) {
      const before = this.#receivedBytes;
      await sleep(this.clock, quietMs);
      this.#require();
      if (this.#receivedBytes === before) break;
    }
    this.discardInput();
  }
}

function checked(operation: number, frame: LoaderFrame, replyBytes: number): Reply {
  const { body } = frame;
  const statusAt = body.length >= replyBytes + 2 ? replyBytes : 0;
  if (body.length < 2) throw new RefusedError(operation, 200);
  if (body[statusAt] !== 0) throw new RefusedError(operation, body[statusAt + 1]!);
  if (body.length < replyBytes + 2) throw new RefusedError(operation, 200);
  return { value: frame.value, data: body.subarray(0, replyBytes) };
}

/** The loader answered with a failure status. */
export class RefusedError extends DeviceError {
  /** The second status byte; see `loaderErrors`. */
  readonly reason: number;

  constructor(operation: number, reason: number) {
    const name = nameOf.get(operation) ?? `0x${operation.toString(16)}`;
    const why = loaderErrors[reason] ?? `reason 0x${reason.toString(16)}`;
    super("refused", `the board refused ${name}: ${why}`, {
      hint: "run the same command again; with --no-stub if it repeats",
    });
    this.reason = reason;
  }
}
