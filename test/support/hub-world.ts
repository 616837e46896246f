// A hub in virtual time with devices that speak MQTT through memory; independent of firmware/mqtt on purpose.
import mqttPacket, { type IConnackPacket, type IPublishPacket, type Packet } from "mqtt-packet";
import { decodeBase64 } from "../../firmware/codec/base64.ts";
import { signSas } from "../../firmware/connection/sas.ts";
import { hubResource, hubUserName } from "../../firmware/connection/topics.ts";
import { Hub } from "../../host-tools/hub/core/hub.ts";
import type { HubOptions } from "../../host-tools/hub/core/options.ts";
import type { PeerCertificate } from "../../host-tools/hub/core/peer-certificate.ts";
import { nodeDigest } from "../../host-tools/hub/core/sas.ts";
import type { ByteStream } from "../../host-tools/hub/mqtt/byte-stream.ts";
import type { MqttTransport } from "../../host-tools/hub/mqtt/mqtt-transport.ts";
import { serveMqtt } from "../../host-tools/hub/serve-mqtt.ts";
import { SeededRandom } from "../../host-tools/sim/seeded-random.ts";
import { type Appointment, VirtualClock } from "../../host-tools/sim/virtual-clock.ts";

export const START_MS = Date.UTC(2026, 10, 20, 12);
export const HOST = "hub.test";

export interface HubWorld {
  clock: VirtualClock;
  hub: Hub;
  nowS(): number;
  environment: HubOptions["environment"];
}

export function hubWorld(options: Partial<HubOptions> = {}, seed = 1): HubWorld {
  const clock = new VirtualClock();
  const random = new SeededRandom(seed);
  const environment: HubOptions["environment"] = options.environment ?? {
    nowMs: () => START_MS + clock.nowMs,
    random: { fill: (target) => random.fill(target) },
    timers: {
      start: (delayMs, callback) => clock.after(delayMs, callback),
      stop: (handle) => clock.cancel(handle as Appointment),
    },
  };
  const hub = new Hub({ hostName: HOST, ...options, environment });
  return { clock, hub, environment, nowS: () => Math.floor(environment.nowMs() / 1000) };
}

/** A token for a device of the registry, as a well-behaved device makes it. */
export function tokenFor(world: HubWorld, deviceId: string, lifeS = 3600, host = HOST): string {
  const { authentication } = world.hub.registry.get({ deviceId });
  if (authentication.type !== "sas") throw new Error("no symmetric key");
  const key = decodeBase64(authentication.symmetricKey.primaryKey);
  return signSas(nodeDigest, key, hubResource(host, deviceId), world.nowS() + lifeS);
}

export interface ConnectOptions {
  clientId?: string;
  username?: string;
  password?: string | undefined;
  clean?: boolean;
  keepaliveS?: number;
  will?: { topic: string; payload: Buffer; qos: 0 | 1; retain: boolean };
  modelId?: string;
  protocolVersion?: 4 | 5;
}

/** A raw MQTT client: packets in, packets out; nothing is automatic but the packet id. */
export class RawClient {
  readonly received: Packet[] = [];
  isClosed = false;
  readonly transport: MqttTransport;
  readonly #parser = mqttPacket.parser({ protocolVersion: 4 });
  #messageId = 0;

  constructor(serve: (stream: ByteStream) => MqttTransport, certificate?: PeerCertificate) {
    this.#parser.on("packet", (packet) => this.received.push(packet));
    this.transport = serve({
      write: (bytes) => {
        this.#parser.parse(Buffer.from(bytes));
      },
      close: () => {
        this.isClosed = true;
      },
      certificate,
      peerName: "memory",
    });
  }

  send(packet: Packet): void {
    this.sendBytes(mqttPacket.generate(packet, { protocolVersion: 4 }));
  }

  sendBytes(bytes: Uint8Array): void {
    this.transport.receive(bytes);
  }

  subscribe(...filters: string[]): number[] {
    const messageId = ++this.#messageId;
    const subscriptions = filters.map((topic) => ({ topic, qos: 1 as const }));
    this.send({ cmd: "subscribe", messageId, subscriptions });
    const suback = this.received.find((one) => one.cmd === "suback" && one.messageId === messageId);
    return suback?.cmd === "suback" ? (suback.granted as number[]) : [];
  }

  publish(
    topic: string,
    payload: string | Buffer = "",
    options: { qos?: 0 | 1 | 2; retain?: boolean } = {},
  ): number {
    const messageId = ++this.#messageId;
    const qos = options.qos ?? 0;
    const retain = options.retain ?? false;
    this.send({ cmd: "publish", topic, payload, qos, messageId, dup: false, retain });
    return messageId;
  }

  isAcknowledged(messageId: number): boolean {
    return this.received.some((one) => one.cmd === "puback" && one.messageId === messageId);
  }

  get connack(): IConnackPacket | undefined {
    return this.received.find((one) => one.cmd === "connack") as IConnackPacket | undefined;
  }

  /** Publishes from the hub whose topic begins with `prefix`. */
  messages(prefix: string): IPublishPacket[] {
    return this.received.filter(
      (one): one is IPublishPacket => one.cmd === "publish" && one.topic.startsWith(prefix),
    );
  }

  /** The network fails: no DISCONNECT. */
  cut(): void {
    this.isClosed = true;
    this.transport.ended();
  }
}

/** Registers the device if needed and sends its CONNECT. */
export function connect(
  world: HubWorld,
  deviceId: string,
  options: ConnectOptions = {},
  certificate?: PeerCertificate,
): RawClient {
  const { hub } = world;
  if (hub.registry.find({ deviceId }) === undefined) hub.registry.create({ deviceId });
  const client = new RawClient((stream) => serveMqtt(hub, stream), certificate);
  const password = "password" in options ? options.password : tokenFor(world, deviceId);
  client.send({
    cmd: "connect",
    protocolId: "MQTT",
    protocolVersion: options.protocolVersion ?? 4,
    clean: options.clean ?? false,
    clientId: options.clientId ?? deviceId,
    keepalive: options.keepaliveS ?? 240,
    username: options.username ?? hubUserName(HOST, deviceId, options.modelId),
    ...(password === undefined ? {} : { password: Buffer.from(password) }),
    ...(options.will === undefined ? {} : { will: options.will }),
  });
  return client;
}
