// Real sockets for devices: TLS on the MQTT port (IoT Hub docs "Use MQTT", "TLS support").
import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { createServer, type DetailedPeerCertificate, type Server, type TLSSocket } from "node:tls";
import type { Hub } from "./core/hub.ts";
import { PeerCertificate } from "./core/peer-certificate.ts";
import type { ByteStream } from "./mqtt/byte-stream.ts";
import { serveMqtt } from "./serve-mqtt.ts";

export interface ListenOptions {
  /** 0 takes any free port. */
  port: number;
  /** Address to listen on; default all of the loopback's `localhost`. */
  host?: string;
  /** PEM. */
  key: string;
  /** PEM: leaf first, then its issuers. */
  cert: string;
  /** Default 10,000. Overflow: the connection is closed at once. */
  connectionsMax?: number;
}

export interface Listener {
  readonly port: number;
  readonly host: string;
  /** Ends every connection and stops listening. */
  close(): Promise<void>;
}

/** Slow handshakes are cut off: they cost memory and prove nothing. */
const HANDSHAKE_TIMEOUT_MS = 20_000;
const CERTIFICATES_MAX = 8;
/** How long a closed connection may take to send its last bytes. */
const CLOSE_TIMEOUT_MS = 2_000;

/** Listens for devices; hub and DPS share the port. @throws the system's error when it is in use. */
export async function listenMqtt(hub: Hub, options: ListenOptions): Promise<Listener> {
  const sockets = new Set<TLSSocket>();
  const server = createServer({
    key: options.key,
    cert: options.cert,
    minVersion: "TLSv1.2",
    // Devices with a token have no certificate; CONNECT decides whether one was needed.
    requestCert: true,
    rejectUnauthorized: false,
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    noDelay: true,
  });
  server.maxConnections = options.connectionsMax ?? 10_000;
  server.on("tlsClientError", (error, socket) => {
    hub.log.write("warn", `${nameOf(socket)}: TLS handshake failed: ${error.message}`);
  });
  server.on("secureConnection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    attachSocket(hub, socket, certificateOf(hub, socket));
  });
  server.listen({ port: options.port, host: options.host ?? "localhost" });
  await once(server, "listening");
  server.on("error", (error) => hub.log.write("error", `listener: ${error.message}`));
  const { port, address } = server.address() as AddressInfo;
  return { port, host: address, close: () => closeServer(server, sockets) };
}

/** Serves a device on a connected socket. What the client proved to own comes from the handshake. */
export function attachSocket(
  hub: Hub,
  socket: Socket,
  certificate: PeerCertificate | undefined,
): void {
  const stream: ByteStream = {
    write(bytes) {
      // Who does not read what it is sent is not read from either, until it does.
      if (!socket.write(bytes)) socket.pause();
    },
    close() {
      socket.end();
      // Who does not read the end does not get it.
      setTimeout(() => socket.destroy(), CLOSE_TIMEOUT_MS).unref();
    },
    get bufferedBytes() {
      return socket.writableLength;
    },
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    certificate,
    peerName: nameOf(socket),
  };
  const transport = serveMqtt(hub, stream);
  socket.on("data", (bytes) => transport.receive(bytes));
  socket.on("drain", () => {
    if (!transport.isHeld) socket.resume();
  });
  socket.on("close", () => transport.ended());
  socket.on("error", (error) => {
    hub.log.write("debug", `${stream.peerName}: ${error.message}`);
  });
}

/** What the client proved to own in its handshake, with the issuers it sent along. */
export function certificateOf(hub: Hub, socket: TLSSocket): PeerCertificate | undefined {
  const leaf = socket.getPeerCertificate(true);
  if (leaf?.raw === undefined) return undefined;
  const issuers: Uint8Array[] = [];
  let current: DetailedPeerCertificate = leaf;
  while (issuers.length < CERTIFICATES_MAX) {
    const issuer = current.issuerCertificate;
    if (issuer?.raw === undefined || issuer.fingerprint256 === current.fingerprint256) break;
    issuers.push(issuer.raw);
    current = issuer;
  }
  try {
    return new PeerCertificate(leaf.raw, issuers);
  } catch (error) {
    hub.log.write("warn", `${nameOf(socket)}: ${(error as Error).message}`);
    return undefined;
  }
}

function nameOf(socket: { remoteAddress?: string | undefined; remotePort?: number | undefined }) {
  return `${socket.remoteAddress ?? "?"}:${socket.remotePort ?? "?"}`;
}

async function closeServer(server: Server, sockets: Set<TLSSocket>): Promise<void> {
  const closed = once(server, "close");
  server.close();
  for (const socket of sockets) socket.destroy();
  await closed;
}
