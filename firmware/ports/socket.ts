/** Byte streams over TLS, in the manner of ECMA-419 (TCP class): honest back-pressure, no hidden queue. */

/** TLS material. The server certificate is always verified; there is no switch to turn that off. */
export interface TlsOptions {
  /** Trusted root certificates, DER. Empty: the platform's own store. */
  roots?: readonly Uint8Array[];
  /** Client certificate chain, DER, leaf first (X.509 attestation). */
  clientCertificates?: readonly Uint8Array[];
  /** Private key of the leaf, PKCS#8 DER. */
  clientKey?: Uint8Array;
}

export interface SocketOptions {
  /** DNS name; used for resolution, SNI and certificate verification. */
  host: string;
  port: number;
  tls: TlsOptions;
  /** `count` bytes can be read now. Called again only after new bytes arrived. */
  onReadable(count: number): void;
  /** `count` bytes can be written now. The first call means: connected, handshake verified. */
  onWritable(count: number): void;
  /** The connection is dead; called once, the socket is closed already. */
  onError(error: SocketError): void;
}

/** Where a connection failed. `certificate` and `handshake` are kept apart from `refused` on purpose. */
export type SocketErrorCode =
  | "dns"
  | "refused"
  | "unreachable"
  | "timeout"
  | "certificate"
  | "handshake"
  | "closed";

export interface SocketError {
  code: SocketErrorCode;
  /** One line for a person; never contains a secret. */
  message: string;
}

export interface Socket {
  /**
   * Reads exactly `count` bytes.
   * @throws if `count` exceeds what was announced and not read yet (as ECMA-419 sockets do).
   */
  read(count: number): Uint8Array;
  /**
   * Writes all of `bytes` and returns how many more bytes can be written now.
   * @throws if `bytes` is longer than the writable window: nothing is written then.
   */
  write(bytes: Uint8Array): number;
  /** Closes; no callback is called afterwards. Never throws; closing twice does nothing. */
  close(): void;
}

export interface Network {
  /** Resolves, connects and handshakes. Never throws: failures arrive through `onError`, asynchronously. */
  connect(options: SocketOptions): Socket;
}
