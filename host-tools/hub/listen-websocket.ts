// MQTT over WebSocket on an HTTPS server of anybody's (IoT Hub docs: path `/$iothub/websocket`, subprotocol mqtt).
import type { IncomingMessage } from "node:http";
import type { Server } from "node:https";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import { type WebSocket, WebSocketServer } from "ws";
import { WEBSOCKET_PATH, WEBSOCKET_PROTOCOL } from "../../firmware/connection/service-topics.ts";
import type { Hub } from "./core/hub.ts";
import { certificateOf } from "./listen.ts";
import { PACKET_BYTES_MAX } from "./mqtt/packet-gate.ts";
import { serveMqtt } from "./serve-mqtt.ts";

/**
 * Takes the upgrades of `server` for devices. The server should request client certificates without
 * requiring them. Returns the function that ends all WebSockets and stops taking new ones.
 */
export function attachWebSocket(hub: Hub, server: Server): () => void {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: PACKET_BYTES_MAX,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has(WEBSOCKET_PROTOCOL) ? WEBSOCKET_PROTOCOL : false),
  });
  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const path = (request.url ?? "").split("?")[0];
    const offered = request.headers["sec-websocket-protocol"] ?? "";
    if (path !== WEBSOCKET_PATH || !offered.split(/,\s*/).includes(WEBSOCKET_PROTOCOL)) {
      const status = path === WEBSOCKET_PATH ? "400 Bad Request" : "404 Not Found";
      socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (client) => attachClient(hub, client, request));
  };
  server.on("upgrade", onUpgrade);
  return () => {
    server.off("upgrade", onUpgrade);
    for (const client of sockets.clients) client.terminate();
    sockets.close();
  };
}

function attachClient(hub: Hub, client: WebSocket, request: IncomingMessage): void {
  const { socket } = request;
  const transport = serveMqtt(hub, {
    write: (bytes) => client.send(bytes),
    close: () => client.close(),
    get bufferedBytes() {
      return client.bufferedAmount;
    },
    pause: () => client.pause(),
    resume: () => client.resume(),
    certificate: socket instanceof TLSSocket ? certificateOf(hub, socket) : undefined,
    peerName: `${socket.remoteAddress ?? "?"}:${socket.remotePort ?? "?"} (WebSocket)`,
  });
  client.on("message", (data, isBinary) => {
    if (isBinary) transport.receive(toBytes(data));
    else client.close(1003, "binary frames only");
  });
  client.on("close", () => transport.ended());
  client.on("error", (error) => hub.log.write("debug", `WebSocket: ${error.message}`));
}

function toBytes(data: Buffer | ArrayBuffer | Buffer[]): Uint8Array {
  if (Array.isArray(data)) return Buffer.concat(data);
  return data instanceof ArrayBuffer ? new Uint8Array(data) : data;
}
