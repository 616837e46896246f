/** A TCP socket for the SDK's TLS socket whose callbacks cannot throw: a bad certificate must not end the machine. */
import TCP from "embedded:io/socket/tcp";

/** The SDK's TLS socket keeps a count of its own on the TCP socket under it. */
export type TcpUnderTls = TCP & { readable?: number };

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
  /** Sees the TCP socket first. */
  gate?: ((tcp: TcpUnderTls) => void) | undefined;
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
    options.gate?.(tcp);
    options.onTcp(tcp, onReadable);
    // biome-ignore lint/correctness/noConstructorReturn: the SDK calls `new` on what it is given and wants its own TCP.
    return tcp as unknown as GuardedTcp;
  }
}
