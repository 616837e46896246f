/** A TCP socket for the SDK's TLS socket whose callbacks cannot throw: a bad certificate must not end the machine. */
import TCP, { type TcpOptions } from "embedded:io/socket/tcp";

/** Passed through the TLS socket's options to the TCP socket under it. */
export interface GuardedTcpOptions extends TcpOptions {
  /** The TCP socket and its read callback, for reads that the TLS socket must not do from its own timer. */
  onTcp(tcp: TCP, onReadable: (count: number) => void): void;
  /** TLS threw while it worked on what had arrived. */
  onTlsError(error: unknown): void;
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
    options.onTcp(tcp, onReadable);
    // biome-ignore lint/correctness/noConstructorReturn: the SDK calls `new` on what it is given and wants its own TCP.
    return tcp as unknown as GuardedTcp;
  }
}
