/** Port Network over the SDK's TLS socket (TLS 1.2) and its DNS resolver; the name is resolved for every connection. */
import TLSSocket from "embedded:io/socket/tcp/tls";
import type Resolver from "embedded:network/dns/resolver/udp";
import { GodwitError } from "../../codec/error.ts";
import type { Log } from "../../ports/log.ts";
import type {
  Network,
  Socket,
  SocketErrorCode,
  SocketOptions,
  TlsOptions,
} from "../../ports/socket.ts";
import type { Timers } from "../../ports/timers.ts";
import { GuardedTcp, type TcpUnderTls } from "./guarded-tcp.ts";
import { guard } from "./timers.ts";

const CODES: readonly string[] = [
  "dns",
  "refused",
  "unreachable",
  "timeout",
  "certificate",
  "handshake",
  "closed",
] satisfies SocketErrorCode[];

/** Makes what stands before the SDK's TLS client on a TCP socket; needed wherever that client runs. */
export type NewGate = (host: string, roots: readonly Uint8Array[]) => (tcp: TcpUnderTls) => void;

export class XsNetwork implements Network {
  readonly timers: Timers;
  readonly log: Log;
  readonly newGate: NewGate | undefined;
  private readonly newResolver: () => Resolver;
  /** Which root the next attempt trusts, where the SDK takes only one. */
  private turn = 0;

  constructor(timers: Timers, log: Log, newResolver: () => Resolver, newGate?: NewGate) {
    this.timers = timers;
    this.log = log;
    this.newGate = newGate;
    this.newResolver = newResolver;
  }

  connect(options: SocketOptions): Socket {
    return new XsSocket(this, options, this.newResolver, secureOf(options.tls, this.turn++));
  }
}

interface Secure {
  verify: true;
  /** No resumed sessions: every handshake shows the server's certificate to the gate. */
  cache: false;
  certificate?: ArrayBuffer;
  clientCertificates?: ArrayBuffer[];
  clientKey?: ArrayBuffer;
}

/** TLS material in the SDK's shape. */
function secureOf(tls: TlsOptions, turn: number): Secure {
  const { roots = [], clientCertificates, clientKey } = tls;
  const root = roots[turn % Math.max(1, roots.length)];
  return {
    verify: true,
    cache: false,
    ...(root && { certificate: bufferOf(root) }),
    ...(clientCertificates && { clientCertificates: clientCertificates.map(bufferOf) }),
    ...(clientKey && { clientKey: bufferOf(clientKey) }),
  };
}

function bufferOf(bytes: Uint8Array): ArrayBuffer {
  return bytes.slice().buffer as ArrayBuffer;
}

class XsSocket implements Socket {
  private readonly network: XsNetwork;
  private readonly options: SocketOptions;
  private readonly secure: Secure;
  private resolver: Resolver | undefined;
  private tls: TLSSocket | undefined;
  private tcp: TcpUnderTls | undefined;
  private onTcpReadable: ((count: number) => void) | undefined;
  private readable = 0;
  private isReady = false;
  private isClosed = false;

  constructor(
    network: XsNetwork,
    options: SocketOptions,
    newResolver: () => Resolver,
    secure: Secure,
  ) {
    this.network = network;
    this.options = options;
    this.secure = secure;
    try {
      this.resolver = newResolver();
      this.resolver.resolve({
        host: options.host,
        onResolved: (_host, address) => this.open(address),
        onError: () => this.fail("dns", `no address for ${options.host}`),
      });
    } catch (error) {
      this.failLater("dns", error);
    }
  }

  read(count: number): Uint8Array {
    if (!this.tls || count > this.readable) throw new RangeError(`read of ${count} bytes`);
    const tcp = this.tcp;
    const waiting = tcp?.readable ?? 0;
    this.readable -= count;
    const isLast = tcp !== undefined && waiting > 0 && this.readable === 0;
    // Hidden from the TLS socket, which would go on reading from an unguarded timer of its own.
    if (isLast) tcp.readable = 0;
    const bytes = new Uint8Array(this.tls.read(count) ?? []);
    if (isLast) {
      tcp.readable = waiting;
      this.network.timers.start(0, () => {
        if (!this.isClosed && this.readable === 0) this.onTcpReadable?.(tcp.readable ?? 0);
      });
    }
    return bytes;
  }

  write(bytes: Uint8Array): number {
    if (!this.tls || !this.isReady) throw new RangeError("the socket is not open");
    return this.tls.write(bytes);
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    const { log } = this.network;
    const resolver = this.resolver;
    const tls = this.tls;
    this.resolver = this.tls = this.tcp = this.onTcpReadable = undefined;
    if (tls) guard(log, () => tls.close());
    // Later, because it may be the resolver's own callback that led here.
    if (resolver) this.network.timers.start(0, () => resolver.close());
  }

  private open(address: string): void {
    if (this.isClosed) return;
    try {
      this.tls = this.newTls(address);
    } catch (error) {
      // The SDK checks the dates of a given root here.
      this.failLater("certificate", error);
    }
  }

  private newTls(address: string): TLSSocket {
    const { host, port, tls } = this.options;
    const gate = this.network.newGate?.(host, tls.roots ?? []);
    const options = {
      gate,
      host,
      address,
      port,
      secure: this.secure,
      TCP: { io: GuardedTcp },
      onTcp: (tcp: TcpUnderTls, onReadable: (count: number) => void) => {
        this.tcp = tcp;
        this.onTcpReadable = onReadable;
      },
      onTlsError: (error: unknown) => {
        // What the gate throws says what it is; what the SDK throws is its certificates, most of the time.
        const isBroken = error instanceof GodwitError && error.code === "malformed";
        const code = isBroken ? "handshake" : "certificate";
        this.fail(this.isReady ? "closed" : code, `TLS: ${String(error)}`);
      },
      onReadable: (count: number) => {
        this.readable = count;
        this.call(() => this.options.onReadable(count));
      },
      onWritable: (count: number) => {
        this.isReady = true;
        this.call(() => this.options.onWritable(count));
      },
      onError: (error?: unknown) => this.onError(error),
    };
    return new TLSSocket(options);
  }

  /** The simulator's sockets say what happened; the SDK's say nothing. */
  private onError(error: unknown): void {
    const { code, message } = (error ?? {}) as { code?: string; message?: string };
    const known =
      code !== undefined && CODES.includes(code) ? (code as SocketErrorCode) : undefined;
    const fallback = this.isReady ? "closed" : "unreachable";
    this.fail(known ?? fallback, message ?? `${this.options.host}: connection ${fallback}`);
  }

  private call(callback: () => void): void {
    if (!this.isClosed) guard(this.network.log, callback);
  }

  /** Failures inside `connect` must not call back before it has returned. */
  private failLater(code: SocketErrorCode, error: unknown): void {
    this.network.timers.start(0, () => this.fail(code, String(error)));
  }

  private fail(code: SocketErrorCode, message: string): void {
    if (this.isClosed) return;
    this.close();
    guard(this.network.log, () => this.options.onError({ code, message }));
  }
}
