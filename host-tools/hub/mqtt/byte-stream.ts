// What an MQTT connection needs from its transport: TLS socket, WebSocket, or a stream of the simulated network.
import type { PeerCertificate } from "../core/peer-certificate.ts";

export interface ByteStream {
  /** Takes all bytes; the transport buffers what it cannot send yet. */
  write(bytes: Uint8Array): void;
  /** Ends the connection after what was written. Closing twice does nothing. */
  close(): void;
  /** Bytes taken by `write` and not sent yet; absent where writes never wait. */
  readonly bufferedBytes?: number;
  /** Stops and restarts delivery of data; absent where the transport cannot. */
  pause?(): void;
  resume?(): void;
  /** The certificate the client proved to own in its handshake. */
  readonly certificate?: PeerCertificate | undefined;
  /** For the log: address and port, or a name. */
  readonly peerName: string;
}
