/** A TCP socket for the SDK's TLS socket whose callbacks cannot throw: a bad certificate must not end the machine. */
import TCP from "embedded:io/socket/tcp";

/** The SDK's TLS socket keeps a count of its own on the TCP socket under it. */
export type TcpUnderTls = TCP & { readable?: number };

/** What sees the server's bytes before TLS does, and throws on those that TLS must not see. */
export interface Gate {
  readonly isOpen: boolean;
  feed(bytes: Uint8Array): void;
}

/** What the TLS socket gives to the TCP socket under it: its own callbacks, and ours passed through. */
export interface GuardedTcpOptions {
  address: string;
  port: number;
  onReadable(count: number): void;
  onWritable(count: number): void;
  onError(): void;
  /** The TCP socket and its read callback, for reads that the TLS socket must not do from its own timer. */
  onTcp(tcp: TcpUnderTls, onReadable: (count: number) => void): void;
  /** TLS, or the gate, threw while it worked on what had arrived. */
  onTlsError(error: unknown): void;
  gate?: Gate | undefined;
}

export class GuardedTcp {
  constructor(options: GuardedTcpOptions) {
    const guarded = (callback: (count: number) => void) => (count: number) => {
      try {
        callback(count);
      } catch (error) {
        options.onTlsError(error);
      }
    };
    const onReadable = guarded(options.onReadable);
    const tcp = new TCP({ ...options, onReadable, onWritable: guarded(options.onWritable) });
    if (options.gate) watch(tcp as { read?: unknown }, options.gate);
    options.onTcp(tcp, onReadable);
    // biome-ignore lint/correctness/noConstructorReturn: the SDK calls `new` on what it is given and wants its own TCP.
    return tcp as unknown as GuardedTcp;
  }
}

/** Puts the gate into the socket's `read`; the class's own comes back once the gate is open. */
function watch(tcp: { read?: unknown }, gate: Gate): void {
  const read = tcp.read as (target: unknown) => ArrayBuffer | number | undefined;
  // Defined, not assigned: the class is frozen on a board, and what it has frozen cannot be assigned over.
  Object.defineProperty(tcp, "read", {
    configurable: true,
    value: (target: unknown) => {
      const got = read.call(tcp, target);
      if (got !== undefined) gate.feed(bytesOf(got, target));
      if (gate.isOpen) delete tcp.read;
      return got;
    },
  });
}

/** A read into a buffer gives its count, any other the bytes. */
function bytesOf(got: ArrayBuffer | number, target: unknown): Uint8Array {
  if (typeof got !== "number") return new Uint8Array(got);
  if (!ArrayBuffer.isView(target)) return new Uint8Array(target as ArrayBuffer, 0, got);
  return new Uint8Array(target.buffer, target.byteOffset, got);
}
