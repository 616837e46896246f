// Byte streams with ECMA-419 back-pressure (TC53 IO class pattern), shared by TCP and TLS.
import { call, onEvent } from "./events.ts";
import { events, limits, ops, tcpErrorCodes } from "./ops.ts";
import { bytesOf, packet, textBytes, textFrom, u32 } from "./packet.ts";

type Bytes = ArrayBuffer | ArrayBufferView;

export interface SocketOptions {
  /** IPv4 address; TLS sockets may give a host alone. */
  address?: string;
  host?: string;
  port: number;
  onReadable?: (this: Socket, count: number) => void;
  onWritable?: (this: Socket, count: number) => void;
  onError?: (this: Socket, error: SocketError) => void;
  format?: "buffer";
  target?: unknown;
}

/** What `onError` gets; the SDK's sockets pass nothing, so an app for boards must not rely on it. */
export class SocketError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

// Open sockets are reachable from here, so the collector leaves them alone until they are closed.
const sockets = new Map<number, Socket>();
let nextId = 1;

onEvent(events.tcpReadable, (bytes) => sockets.get(u32(bytes))?.[readable](u32(bytes, 4)));
onEvent(events.tcpWritable, (bytes) => sockets.get(u32(bytes))?.[writable](u32(bytes, 4)));
onEvent(events.tcpError, (bytes) => {
  const code = tcpErrorCodes[new Uint8Array(bytes)[4] ?? 0] ?? "closed";
  sockets.get(u32(bytes))?.[failed](new SocketError(code, textFrom(bytes, 5)));
});

const readable = Symbol("readable");
const writable = Symbol("writable");
const failed = Symbol("failed");

export class Socket {
  readonly target: unknown;
  #id: number;
  #options: SocketOptions;
  #readable = 0;
  #writable = -1;

  /** `secure` is empty for plain TCP, else the TLS material as one block (tls.ts). */
  constructor(options: SocketOptions, secure: Uint8Array | undefined) {
    const { address = "", host = "", port } = options;
    if (!address && !host) throw new Error("address or host required");
    if (!(port > 0 && port < 65_536)) throw new RangeError("invalid port");
    if (options.format !== undefined && options.format !== "buffer")
      throw new RangeError("invalid format");
    this.#options = options;
    this.#id = nextId++;
    this.target = options.target;
    const head = packet(
      this.#id,
      new Uint8Array([secure ? 1 : 0, port & 0xff, port >> 8]),
      [host ? textBytes(host, limits.hostBytesMax) : new Uint8Array()],
      [address ? textBytes(address, limits.hostBytesMax) : new Uint8Array()],
      secure ?? new Uint8Array(),
    );
    sockets.set(this.#id, this);
    call(ops.tcpOpen, head);
  }

  get format(): "buffer" {
    return "buffer";
  }

  set format(value: "buffer") {
    if (value !== "buffer") throw new RangeError("invalid format");
  }

  /**
   * Reads `count` bytes (all, when absent) or fills a buffer and returns how many bytes it got.
   * @throws Error when more is asked for than is there.
   */
  read(count?: number | Bytes): ArrayBuffer | number | undefined {
    this.#open();
    if (count === undefined || typeof count === "number") {
      const wanted = count ?? this.#readable;
      if (this.#readable === 0) return undefined;
      if (!(wanted > 0) || wanted > this.#readable) throw new Error("invalid count");
      return this.#take(wanted);
    }
    const target = bytesOf(count);
    const size = Math.min(target.length, this.#readable);
    if (size === 0) return 0;
    target.set(new Uint8Array(this.#take(size)));
    return size;
  }

  /**
   * Writes all bytes; returns how many more fit now.
   * @throws Error before the first `onWritable` and beyond the window; nothing is written then.
   */
  write(bytes: Bytes): number {
    this.#open();
    const source = bytesOf(bytes);
    if (this.#writable < 0) throw new Error("not ready");
    if (source.length > this.#writable) throw new Error("would block");
    this.#writable -= source.length;
    if (source.length > 0) call(ops.tcpWrite, packet(this.#id, source));
    return this.#writable;
  }

  close(): void {
    if (!sockets.delete(this.#id)) return;
    call(ops.tcpClose, packet(this.#id));
  }

  #open(): void {
    if (!sockets.has(this.#id)) throw new Error("closed");
  }

  #take(count: number): ArrayBuffer {
    const bytes = call(ops.tcpRead, packet(this.#id, count));
    if (!bytes || bytes.byteLength !== count) throw new Error("read failed");
    this.#readable -= count;
    return bytes;
  }

  [readable](count: number): void {
    this.#readable = count;
    this.#options.onReadable?.call(this, count);
  }

  [writable](count: number): void {
    this.#writable = count;
    this.#options.onWritable?.call(this, count);
  }

  [failed](error: SocketError): void {
    sockets.delete(this.#id);
    this.#options.onError?.call(this, error);
  }
}
