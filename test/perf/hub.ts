// Hub messages per second against aedes, same run, same clients: QoS 1 publishes over loopback TCP and TLS.
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls, createServer as createTlsServer } from "node:tls";
import { Aedes } from "aedes";
import mqttPacket from "mqtt-packet";
import { decodeBase64 } from "../../firmware/codec/base64.ts";
import { signSas } from "../../firmware/connection/sas.ts";
import { hubResource, hubUserName, telemetryPrefix } from "../../firmware/connection/topics.ts";
import { Hub } from "../../host-tools/hub/core/hub.ts";
import { MemoryStore } from "../../host-tools/hub/core/memory-store.ts";
import { nodeDigest } from "../../host-tools/hub/core/sas.ts";
import type { HubStore } from "../../host-tools/hub/core/store.ts";
import { attachSocket } from "../../host-tools/hub/listen.ts";
import { nodeEnvironment } from "../../host-tools/hub/node-environment.ts";
import { openAuthority } from "../../host-tools/hub/pki/authority.ts";
import { openStore } from "../../host-tools/hub/store/libsql-store.ts";

const CLIENTS = 20;
/** Publishes a client has out without acknowledgement. */
const WINDOW = 32;
const PAYLOAD = Buffer.from(
  '{"temperature":21.53,"humidity":47.1,"at":1795190000,"pad":"012345678901234567"}',
);
const ROUND_MS = 500;
const ROUNDS = 3;
const HOST = "localhost";

/** PEM texts; without them the bench runs over plain TCP. */
interface Tls {
  key: string;
  cert: string;
  ca: string;
}

interface Target {
  port: number;
  tls: Tls | undefined;
  connectPacket(index: number): Buffer;
  topic(index: number): string;
  received(): number;
  close(): void;
}

/** Publishes as fast as acknowledgements allow; counts them. */
class Publisher {
  acknowledged = 0;
  isStopped = false;
  readonly #socket: Socket;
  readonly #template: Buffer;
  readonly #idAt: number;
  #id = 0;
  #started: (() => void) | undefined;

  constructor(target: Target, index: number) {
    const topic = target.topic(index);
    this.#template = mqttPacket.generate({
      ...{ cmd: "publish", qos: 1, dup: false, retain: false },
      ...{ topic, payload: PAYLOAD, messageId: 1 },
    });
    this.#idAt = this.#template.length - PAYLOAD.length - 2;
    const to = { port: target.port, host: HOST, noDelay: true };
    this.#socket = target.tls ? connectTls({ ...to, ca: target.tls.ca }) : connect(to);
    this.#socket.write(target.connectPacket(index));
  }

  async connected(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#started = resolve;
      this.#socket.on("data", (bytes) => this.#data(bytes));
    });
  }

  run(): void {
    this.#publish(WINDOW);
  }

  stop(): void {
    this.isStopped = true;
    this.#socket.destroy();
  }

  /** Only CONNACK and PUBACK come back, four bytes each. */
  #data(bytes: Buffer): void {
    if (this.#started !== undefined) {
      if (bytes[0] !== 0x20 || bytes[3] !== 0) throw new Error("the connection was refused");
      this.#started();
      this.#started = undefined;
      return;
    }
    const count = bytes.length >> 2;
    this.acknowledged += count;
    if (!this.isStopped) this.#publish(count);
  }

  #publish(count: number): void {
    const size = this.#template.length;
    const out = Buffer.allocUnsafe(size * count);
    for (let index = 0; index < count; index += 1) {
      this.#template.copy(out, index * size);
      this.#id = (this.#id % 0xffff) + 1;
      out.writeUInt16BE(this.#id, index * size + this.#idAt);
    }
    this.#socket.write(out);
  }
}

async function listen(server: Server): Promise<number> {
  server.listen(0, HOST);
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

function serverFor(tls: Tls | undefined, onSocket: (socket: Socket) => void): Server {
  return tls ? createTlsServer({ ...tls }, onSocket) : createServer({ noDelay: true }, onSocket);
}

async function godwitTarget(tls?: Tls, store: HubStore = new MemoryStore()): Promise<Target> {
  const hub = new Hub({ hostName: HOST, environment: nodeEnvironment, store });
  const sockets = new Set<Socket>();
  const server = serverFor(tls, (socket) => {
    sockets.add(socket);
    attachSocket(hub, socket, undefined);
  });
  const connectPacket = (index: number): Buffer => {
    const deviceId = `bench-${index}`;
    const { authentication } = hub.registry.create({ deviceId });
    if (authentication.type !== "sas") throw new Error("no key");
    const key = decodeBase64(authentication.symmetricKey.primaryKey);
    const expiryS = Math.floor(Date.now() / 1000) + 3600;
    return mqttPacket.generate({
      ...{ cmd: "connect", protocolId: "MQTT", protocolVersion: 4, clean: true, keepalive: 60 },
      clientId: deviceId,
      username: hubUserName(HOST, deviceId),
      password: Buffer.from(signSas(nodeDigest, key, hubResource(HOST, deviceId), expiryS)),
    });
  };
  return {
    port: await listen(server),
    tls,
    connectPacket,
    topic: (index) => `${telemetryPrefix(`bench-${index}`)}%24.ct=application%2Fjson&site=north`,
    received: () => hub.throttles.reading().messages,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

async function aedesTarget(tls?: Tls): Promise<Target> {
  const broker = await Aedes.createBroker();
  let received = 0;
  broker.on("publish", (_packet, client) => {
    if (client) received += 1;
  });
  const server = serverFor(tls, broker.handle);
  return {
    port: await listen(server),
    tls,
    connectPacket: (index) =>
      mqttPacket.generate({
        ...{ cmd: "connect", protocolId: "MQTT", protocolVersion: 4, clean: true, keepalive: 60 },
        clientId: `bench-${index}`,
      }),
    topic: (index) => `${telemetryPrefix(`bench-${index}`)}%24.ct=application%2Fjson&site=north`,
    received: () => received,
    close: () => {
      server.close();
      broker.close();
    },
  };
}

/** Acknowledged messages per second, every one of which the target has counted too. */
async function measure(target: Target): Promise<number> {
  const publishers = Array.from({ length: CLIENTS }, (_, index) => new Publisher(target, index));
  await Promise.all(publishers.map((publisher) => publisher.connected()));
  const startNs = process.hrtime.bigint();
  for (const publisher of publishers) publisher.run();
  await new Promise((resolve) => setTimeout(resolve, ROUND_MS));
  const acknowledged = publishers.reduce((sum, publisher) => sum + publisher.acknowledged, 0);
  const seconds = Number(process.hrtime.bigint() - startNs) / 1e9;
  for (const publisher of publishers) publisher.stop();
  if (target.received() < acknowledged) throw new Error("acknowledged more than was received");
  target.close();
  return acknowledged / seconds;
}

function median(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[values.length >> 1]!;
}

/** Alternates the two brokers so that a busy machine disturbs both alike. */
async function compare(tls: Tls | undefined): Promise<object> {
  const godwit: number[] = [];
  const aedes: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    godwit.push(await measure(await godwitTarget(tls)));
    aedes.push(await measure(await aedesTarget(tls)));
  }
  const ratios = godwit.map((value, index) => value / aedes[index]!);
  return {
    godwitMessagesPerSecond: Math.round(median(godwit)),
    aedesMessagesPerSecond: Math.round(median(aedes)),
    ratio: Number(median(ratios).toFixed(2)),
  };
}

export async function run(): Promise<object> {
  const folder = mkdtempSync(join(tmpdir(), "godwit-perf-"));
  const authority = await openAuthority(join(folder, "pki"));
  const { keyPem, certificatePem } = await authority.serverCertificate([HOST]);
  const tls = { key: keyPem, cert: certificatePem, ca: authority.caPem };
  const plain = await compare(undefined);
  const overTls = await compare(tls);
  const store = openStore(join(folder, "hub.db"));
  const onDisk = await measure(await godwitTarget(undefined, store));
  store.close();
  rmSync(folder, { recursive: true });
  return {
    clients: CLIENTS,
    payloadBytes: PAYLOAD.length,
    ...plain,
    tls: overTls,
    onDisk: { godwitMessagesPerSecond: Math.round(onDisk) },
  };
}
