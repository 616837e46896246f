// A board's TLS socket, terminated by Node: real handshake, certificate always verified, ECMA-419 back-pressure.

import { createPrivateKey } from "node:crypto";
import { isIP } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import type {
  Socket,
  SocketErrorCode,
  SocketOptions,
  TlsOptions,
} from "../../firmware/ports/socket.ts";

/** What a socket needs from the board it belongs to. */
export interface SocketOwner {
  readonly roots: string;
  readonly isCut: boolean;
  /** The board's own idea of the time. */
  wallMs(): number;
  forget(socket: TlsSocket): void;
}

/** Send window of the ESP32 port. */
const windowBytes = 8192;
/** Received bytes the board has not read; beyond that the peer has to wait, as TCP's window makes it. */
const inboxBytesMax = 32_768;
const handshakeTimeoutMs = 30_000;

const codes: Record<string, SocketErrorCode> = {
  ENOTFOUND: "dns",
  EAI_AGAIN: "dns",
  ECONNREFUSED: "refused",
  EHOSTUNREACH: "unreachable",
  ENETUNREACH: "unreachable",
  ETIMEDOUT: "timeout",
  ECONNRESET: "closed",
  EPIPE: "closed",
};

export class TlsSocket implements Socket {
  readonly #owner: SocketOwner;
  readonly #options: SocketOptions;
  #socket: TLSSocket | undefined;
  #inbox: Buffer[] = [];
  #inboxBytes = 0;
  #inFlightBytes = 0;
  /** Written while the cable was cut; sent when it is back. Bounded by the send window. */
  #held: Uint8Array[] = [];
  #isOpen = false;
  #isClosed = false;

  constructor(owner: SocketOwner, options: SocketOptions) {
    this.#owner = owner;
    this.#options = options;
    // A cut cable: the attempt hangs until the cable is back or the device itself gives up.
    if (!owner.isCut) this.#dial();
  }

  #dial(): void {
    const { host, port, tls } = this.#options;
    try {
      this.#socket = connect({
        host,
        port,
        // A server name is a name: addresses are not allowed in it (RFC 6066, 3).
        ...(isIP(host) === 0 && { servername: host }),
        minVersion: "TLSv1.2",
        rejectUnauthorized: true,
        timeout: handshakeTimeoutMs,
        ...material(tls, this.#owner.roots),
      });
    } catch (error) {
      setImmediate(() => this.#fail("handshake", (error as Error).message));
      return;
    }
    this.#listen(this.#socket);
  }

  read(count: number): Uint8Array {
    if (count > this.#inboxBytes) {
      throw new RangeError(`read of ${count} bytes, ${this.#inboxBytes} available`);
    }
    const all = this.#inbox.length === 1 ? this.#inbox[0]! : Buffer.concat(this.#inbox);
    this.#inbox = count < all.length ? [all.subarray(count)] : [];
    this.#inboxBytes -= count;
    this.#setFlow();
    return new Uint8Array(all.subarray(0, count));
  }

  write(bytes: Uint8Array): number {
    if (!this.#isOpen || !this.#socket) throw new Error("the socket is not open");
    const room = windowBytes - this.#inFlightBytes;
    if (bytes.length > room) {
      throw new RangeError(`write of ${bytes.length} bytes, ${room} allowed`);
    }
    const count = bytes.length;
    this.#inFlightBytes += count;
    if (this.#owner.isCut) this.#held.push(bytes);
    else this.#send(bytes);
    return windowBytes - this.#inFlightBytes;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#end();
    const socket = this.#socket;
    if (this.#owner.isCut) socket?.destroy();
    else socket?.end(() => socket.destroy());
  }

  /** The board lost its power: the peer sees a reset. */
  vanish(): void {
    this.#end();
    this.#socket?.destroy();
  }

  /** The cable is cut: nothing more arrives. */
  cut(): void {
    this.#setFlow();
  }

  /** The cable is back, and TCP repeats what was lost: both directions go on where they stopped. */
  resume(): void {
    const socket = this.#socket;
    if (!socket) this.#dial();
    else if (socket.destroyed) this.#fail("closed", "closed by the peer");
    else if (this.#isOpen) this.#goOn();
    else if (socket.authorized) this.#connected(socket);
  }

  #goOn(): void {
    for (const bytes of this.#held.splice(0)) this.#send(bytes);
    this.#setFlow();
    this.#announce();
    if (!this.#isClosed) this.#options.onWritable(windowBytes - this.#inFlightBytes);
  }

  #send(bytes: Uint8Array): void {
    this.#socket?.write(bytes, () => this.#sent(bytes.length));
  }

  #setFlow(): void {
    if (!this.#isOpen) return;
    if (this.#owner.isCut || this.#inboxBytes >= inboxBytesMax) this.#socket?.pause();
    else this.#socket?.resume();
  }

  #listen(socket: TLSSocket): void {
    socket.on("secureConnect", () => this.#connected(socket));
    socket.on("data", (bytes: Buffer) => {
      this.#inbox.push(bytes);
      this.#inboxBytes += bytes.length;
      this.#setFlow();
      this.#announce();
    });
    socket.on("timeout", () => {
      if (!this.#isOpen) this.#fail("timeout", `no answer from ${this.#options.host}`);
    });
    socket.on("error", (error: NodeJS.ErrnoException) =>
      this.#fail(classify(error), error.message),
    );
    socket.on("close", () => this.#fail("closed", "closed by the peer"));
    socket.setNoDelay(true);
  }

  #announce(): void {
    if (this.#isClosed || this.#owner.isCut || this.#inboxBytes === 0) return;
    this.#options.onReadable(this.#inboxBytes);
  }

  #connected(socket: TLSSocket): void {
    if (this.#isClosed || this.#owner.isCut) return;
    // Node judged the dates by the PC's clock; the board has its own.
    const { valid_from: from, valid_to: to } = socket.getPeerCertificate();
    const wallMs = this.#owner.wallMs();
    if (wallMs < Date.parse(from) || wallMs > Date.parse(to)) {
      const why = wallMs < Date.parse(from) ? "not yet valid" : "expired";
      this.#fail("certificate", `the server's certificate is ${why} by this device's clock`);
      return;
    }
    socket.setTimeout(0);
    this.#isOpen = true;
    this.#options.onWritable(windowBytes);
  }

  #sent(count: number): void {
    if (this.#isClosed) return;
    this.#inFlightBytes -= count;
    if (!this.#owner.isCut) this.#options.onWritable(windowBytes - this.#inFlightBytes);
  }

  #fail(code: SocketErrorCode, message: string): void {
    if (this.#isClosed) return;
    // Behind a cut cable the device cannot learn what happened to its peer.
    if (this.#owner.isCut) return;
    this.#end();
    this.#socket?.destroy();
    this.#options.onError({ code, message });
  }

  #end(): void {
    this.#isClosed = true;
    this.#isOpen = false;
    this.#held = [];
    this.#owner.forget(this);
  }
}

function classify(error: NodeJS.ErrnoException): SocketErrorCode {
  const code = error.code ?? "";
  const known = codes[code];
  if (known) return known;
  return /CERT|ALTNAME|ISSUER|SELF_SIGNED|UNABLE_TO/.test(code) ? "certificate" : "handshake";
}

function pem(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

function material(tls: TlsOptions, roots: string) {
  const ca = tls.roots?.length ? tls.roots.map(pem) : roots;
  if (!tls.clientCertificates?.length || !tls.clientKey) return { ca };
  const key = createPrivateKey({ key: Buffer.from(tls.clientKey), format: "der", type: "pkcs8" });
  return {
    ca,
    cert: tls.clientCertificates.map(pem).join(""),
    key: key.export({ format: "pem", type: "pkcs8" }),
  };
}
