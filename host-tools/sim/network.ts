// The simulated network: names, latency, loss of links and byte streams with limited windows, in virtual time.
import type { SocketError, SocketErrorCode } from "../../firmware/ports/socket.ts";
import type { SeededRandom } from "./seeded-random.ts";
import { DeviceEnd, type DeviceEndHandlers, type ServerEnd } from "./stream.ts";
import type { Trace } from "./trace.ts";
import type { VirtualClock } from "./virtual-clock.ts";

export interface NetworkOptions {
  /** One-way delay. */
  latencyMs: number;
  /** Extra delay per transfer, uniform in [0, jitterMs]. */
  jitterMs: number;
  /** Bytes a device may have in flight: 8192 is the ESP32 port's send window. */
  windowBytes: number;
  /** Time until a connection attempt into a dead network fails. */
  connectTimeoutMs: number;
}

const defaults: NetworkOptions = {
  latencyMs: 20,
  jitterMs: 10,
  windowBytes: 8192,
  connectTimeoutMs: 30_000,
};

/** A server's end of the handshake: who answers, and what its certificate says. */
export interface Listener {
  /** Validity of the server certificate, Unix ms; a device whose clock is outside refuses it. */
  certificate: { notBeforeMs: number; notAfterMs: number };
  accept(stream: ServerEnd): void;
}

/** What a device brings to a connection. */
export interface DeviceLink {
  /** Name in traces and of the link for faults. */
  name: string;
  /** The device's own idea of the time (certificate check); undefined = 1970. */
  wallMs(): number | undefined;
  /** Leaf certificate (DER) when the device uses X.509. */
  clientCertificate?: Uint8Array;
}

/** Sees every byte a device puts on its wire and every byte that reaches it. Must not touch streams at once. */
export interface WireTap {
  opened(stream: string, device: string): void;
  up(stream: string, bytes: Uint8Array): void;
  down(stream: string, bytes: Uint8Array): void;
  closed(stream: string): void;
}

export class VirtualNetwork {
  tap: WireTap | undefined;
  readonly options: NetworkOptions;
  readonly clock: VirtualClock;
  readonly trace: Trace;
  readonly #random: SeededRandom;
  readonly #listeners = new Map<string, Listener>();
  readonly #dead = new Set<string>();
  readonly #streams = new Set<DeviceEnd>();
  #connections = 0;

  constructor(
    clock: VirtualClock,
    random: SeededRandom,
    trace: Trace,
    options: Partial<NetworkOptions> = {},
  ) {
    this.clock = clock;
    this.trace = trace;
    this.#random = random.fork("network");
    this.options = { ...defaults, ...options };
  }

  listen(host: string, port: number, listener: Listener): void {
    this.#listeners.set(`${host}:${port}`, listener);
  }

  unlisten(host: string, port: number): void {
    this.#listeners.delete(`${host}:${port}`);
  }

  /** Cuts a device's link: bytes vanish silently in both directions, as when radio coverage ends. */
  cut(name: string): void {
    this.#dead.add(name);
  }

  /** Gives the link back; streams that lost bytes stay dead and end when either side notices. */
  restore(name: string): void {
    this.#dead.delete(name);
  }

  isCut(name: string): boolean {
    return this.#dead.has(name);
  }

  /** Resets every open stream of a device (or of all), as a restarting router or server does. */
  reset(name?: string): void {
    for (const stream of [...this.#streams]) {
      if (name === undefined || stream.link.name === name) stream.breakBoth("connection reset");
    }
  }

  /** Time one transfer takes. */
  delayMs(): number {
    const { latencyMs, jitterMs } = this.options;
    return latencyMs + (jitterMs > 0 ? this.#random.int(0, jitterMs) : 0);
  }

  /** Looks a name up; the answer is an opaque address, undefined = no such name. */
  resolve(link: DeviceLink, host: string, done: (address: string | undefined) => void): void {
    if (this.isCut(link.name)) {
      this.clock.after(this.options.connectTimeoutMs, () => done(undefined));
      return;
    }
    const known = [...this.#listeners.keys()].some((key) => key.startsWith(`${host}:`));
    this.clock.after(this.delayMs(), () => done(known ? host : undefined));
  }

  /** Opens a stream; success is announced by the first `onWritable`. */
  connect(link: DeviceLink, host: string, port: number, handlers: DeviceEndHandlers): DeviceEnd {
    const end = new DeviceEnd(this, link, handlers, `${link.name}#${++this.#connections}`);
    this.#streams.add(end);
    const fail = (code: SocketErrorCode, message: string, delayMs: number) =>
      this.clock.after(delayMs, () => end.fail({ code, message } satisfies SocketError));
    const roundTripMs = this.delayMs() + this.delayMs();
    if (this.isCut(link.name)) {
      fail("timeout", `no answer from ${host}:${port}`, this.options.connectTimeoutMs);
      return end;
    }
    const listener = this.#listeners.get(`${host}:${port}`);
    if (!listener) {
      fail("refused", `${host}:${port} refused the connection`, roundTripMs);
      return end;
    }
    const { notBeforeMs, notAfterMs } = listener.certificate;
    const wallMs = link.wallMs() ?? 0;
    if (wallMs < notBeforeMs || wallMs > notAfterMs) {
      const why = wallMs < notBeforeMs ? "not yet valid" : "expired";
      fail("certificate", `certificate of ${host} is ${why} by this device's clock`, roundTripMs);
      return end;
    }
    this.clock.after(roundTripMs, () => {
      if (this.isCut(link.name)) {
        fail("timeout", `no answer from ${host}:${port}`, this.options.connectTimeoutMs);
      } else {
        end.open(listener.accept);
      }
    });
    return end;
  }

  forget(end: DeviceEnd): void {
    this.#streams.delete(end);
  }
}
