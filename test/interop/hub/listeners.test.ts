// The hub's real sockets: MQTT over WebSocket, certificates in the handshake, strangers on the port.
import { once } from "node:events";
import { createServer } from "node:https";
import { type AddressInfo, connect as connectTcp } from "node:net";
import { connect as connectTls } from "node:tls";
import mqttPacket, { type Packet } from "mqtt-packet";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { WebSocket } from "ws";
import { decodeBase64 } from "../../../firmware/codec/base64.ts";
import { signSas } from "../../../firmware/connection/sas.ts";
import { WEBSOCKET_PATH, WEBSOCKET_PROTOCOL } from "../../../firmware/connection/service-topics.ts";
import { hubResource, hubUserName, telemetryPrefix } from "../../../firmware/connection/topics.ts";
import { nodeDigest } from "../../../host-tools/hub/core/sas.ts";
import { attachWebSocket } from "../../../host-tools/hub/listen-websocket.ts";
import { type LoopbackHub, startLoopbackHub } from "../../support/hub-loopback.ts";

let loopback: LoopbackHub;

beforeAll(async () => {
  loopback = await startLoopbackHub();
});

afterAll(() => loopback.close());

function connectPacket(deviceId: string): Buffer {
  const { hub } = loopback;
  const { authentication } = hub.registry.create({ deviceId });
  if (authentication.type !== "sas") throw new Error("no key");
  const key = decodeBase64(authentication.symmetricKey.primaryKey);
  const expiryS = Math.floor(Date.now() / 1000) + 60;
  return mqttPacket.generate({
    ...{ cmd: "connect", protocolId: "MQTT", protocolVersion: 4, clean: true, keepalive: 60 },
    clientId: deviceId,
    username: hubUserName("localhost", deviceId),
    password: Buffer.from(signSas(nodeDigest, key, hubResource("localhost", deviceId), expiryS)),
  });
}

const loggedText = (text: string): boolean =>
  loopback.hub.log.entries().some((entry) => entry.text.includes(text));

test("MQTT over WebSocket: one frame or many, only with the subprotocol and the path", async () => {
  const { hub, authority } = loopback;
  const server = await authority.serverCertificate(["localhost"]);
  const https = createServer({ key: server.keyPem, cert: server.certificatePem });
  const detach = attachWebSocket(hub, https);
  https.listen(0, "localhost");
  await once(https, "listening");
  const base = `wss://localhost:${(https.address() as AddressInfo).port}`;
  const tls = { ca: authority.caPem };
  const socket = new WebSocket(`${base}${WEBSOCKET_PATH}`, WEBSOCKET_PROTOCOL, tls);
  const received: Packet[] = [];
  const parser = mqttPacket.parser({ protocolVersion: 4 });
  parser.on("packet", (packet) => received.push(packet));
  socket.on("message", (data: Buffer) => parser.parse(data));
  await once(socket, "open");
  expect(socket.protocol).toBe(WEBSOCKET_PROTOCOL);
  const bytes = connectPacket("ws");
  socket.send(bytes.subarray(0, 10));
  socket.send(bytes.subarray(10));
  await vi.waitFor(() => expect(received[0]).toMatchObject({ cmd: "connack", returnCode: 0 }));
  socket.send(
    mqttPacket.generate({
      ...{ cmd: "publish", topic: telemetryPrefix("ws"), payload: "x", messageId: 1 },
      ...{ qos: 1, dup: false, retain: false },
    }),
  );
  await vi.waitFor(() => expect(received[1]).toMatchObject({ cmd: "puback", messageId: 1 }));
  for (const [path, protocol] of [
    [WEBSOCKET_PATH, "other"],
    ["/elsewhere", WEBSOCKET_PROTOCOL],
  ] as const) {
    const wrong = new WebSocket(`${base}${path}`, protocol, tls);
    const [error] = await once(wrong, "error");
    expect((error as Error).message).toMatch(/40[04]/);
  }
  detach();
  https.close();
});

test("a stranger without TLS, with another authority or with garbage harms nobody", async () => {
  const { hub, authority, listener } = loopback;
  const plain = connectTcp(listener.port, "localhost");
  plain.end("GET / HTTP/1.1\r\n\r\n");
  await once(plain, "close");
  expect(loggedText("TLS handshake failed")).toBe(true);
  const distrustful = connectTls({ port: listener.port, host: "localhost" });
  const [error] = await once(distrustful, "error");
  expect((error as NodeJS.ErrnoException).code).toMatch(/SELF_SIGNED|UNABLE_TO/);
  const garbage = connectTls({ port: listener.port, host: "localhost", ca: authority.caPem });
  garbage.write(Buffer.alloc(100, 0xff));
  garbage.resume();
  await once(garbage, "close");
  expect(loggedText("malformed packet")).toBe(true);
  const good = connectTls({ port: listener.port, host: "localhost", ca: authority.caPem });
  good.write(connectPacket("tls"));
  const [connack] = (await once(good, "data")) as [Buffer];
  expect([...connack]).toEqual([0x20, 2, 0, 0]);
  good.destroy();
  await vi.waitFor(() => expect(hub.sessions.find({ deviceId: "tls" })).toBeUndefined());
});

test("an expired client certificate is refused with its date", async () => {
  const { hub, authority, listener } = loopback;
  const expired = await authority.issueDevice("old", -1);
  const x509Thumbprint = { primaryThumbprint: expired.thumbprintSha256, secondaryThumbprint: null };
  hub.registry.create({ deviceId: "old", authentication: { type: "selfSigned", x509Thumbprint } });
  const socket = connectTls({
    ...{ port: listener.port, host: "localhost", ca: authority.caPem },
    ...{ cert: expired.certificatePem, key: expired.keyPem },
  });
  socket.write(
    mqttPacket.generate({
      ...{ cmd: "connect", protocolId: "MQTT", protocolVersion: 4, clean: true, keepalive: 60 },
      ...{ clientId: "old", username: hubUserName("localhost", "old") },
    }),
  );
  const [connack] = (await once(socket, "data")) as [Buffer];
  expect([...connack]).toEqual([0x20, 2, 0, 5]);
  expect(loggedText("client certificate expired at")).toBe(true);
});
