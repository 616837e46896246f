/** The MQTT session with the hub: one identity, any number of transports; unacknowledged messages live in it. */
import { MqttClient } from "../mqtt/client.ts";
import type { MqttCloseReason, MqttEvents } from "../mqtt/events.ts";
import type { InboundMessage } from "../mqtt/packet-reader.ts";
import type { Platform } from "../ports/platform.ts";
import type { SocketError, TlsOptions } from "../ports/socket.ts";
import { stampBag } from "./bag.ts";
import { connackFault, mqttFault, socketFault } from "./faults.ts";
import { Link, type LinkOwner } from "./link.ts";
import type { Outbox } from "./outbox.ts";
import { signSas } from "./sas.ts";
import { deviceFilters, hubResource, hubUserName, telemetryPrefix } from "./topics.ts";
import type { ConnectionOptions, FaultCode } from "./types.ts";

export const KEEP_ALIVE_DEFAULT_S = 240;
export const TOKEN_LIFE_DEFAULT_S = 3600;
/** Telemetry on the wire without PUBACK. */
const IN_FLIGHT_MAX = 8;

export interface HubTarget {
  host: string;
  gateway: string | undefined;
  deviceId: string;
  /** Undefined: the TLS certificate is the proof. */
  key: Uint8Array | undefined;
  tls: TlsOptions;
  nowS: number;
  isTimeKnown: boolean;
}

export interface SessionOwner {
  /** CONNECT and SUBSCRIBE are queued; what is published now leaves right behind them. */
  onOpening(): void;
  onAccepted(isSessionPresent: boolean): void;
  /** False: not acknowledged now. Must not throw. */
  onMessage(topic: string, payload: Uint8Array, ackToken: number): boolean;
  onAcknowledged(): void;
  /** Called once per `open`, unless `close` came first; `fault` undefined: the end was asked for. */
  onEnded(fault: FaultCode | undefined, detail: string): void;
}

export class HubSession implements LinkOwner, MqttEvents {
  readonly link: Link;
  private readonly platform: Platform;
  private readonly options: ConnectionOptions;
  private readonly outbox: Outbox;
  private readonly owner: SessionOwner;
  private client: MqttClient | undefined;
  private target: HubTarget | undefined;
  private identity = "";
  private topicPrefix = "";
  isAccepted = false;
  private isDraining = false;
  /** Some servers drop clients that speak before CONNACK: this one did once. */
  private isCareful = false;

  constructor(platform: Platform, options: ConnectionOptions, outbox: Outbox, owner: SessionOwner) {
    this.platform = platform;
    this.options = options;
    this.outbox = outbox;
    this.owner = owner;
    this.link = new Link(platform, this);
  }

  /** Connects. Messages that another identity had in flight are sent again under the new one. */
  open(target: HubTarget): void {
    const identity = `${target.host}/${target.deviceId}`;
    if (!this.client || identity !== this.identity) {
      this.identity = identity;
      this.topicPrefix = telemetryPrefix(target.deviceId);
      this.renewClient();
    }
    this.target = target;
    this.isAccepted = false;
    this.isDraining = false;
    this.link.open(this.client!, target.gateway ?? target.host, target.tls);
  }

  /** Hands waiting messages to the session, as far as its window goes. */
  feed(): void {
    const client = this.client;
    if (!client?.isOpen || this.isDraining) return;
    const nowMs = this.platform.clock.ticksMs();
    while (this.outbox.inFlight < IN_FLIGHT_MAX) {
      const message = this.outbox.peek();
      if (!message) break;
      try {
        const { bag = "", createdMs, payload } = message;
        const stamped = createdMs === undefined ? bag : stampBag(bag, createdMs);
        const id = client.publish({ topic: this.topicPrefix + stamped, payload, qos: 1 }, nowMs);
        if (id === undefined) break;
        this.outbox.sent(id);
      } catch (error) {
        // A bag that no topic can carry: kept, it would block everything behind it for ever.
        this.platform.log("error", `message dropped: ${String(error)}`);
        this.outbox.discard();
      }
    }
    this.link.wake();
  }

  /** QoS 0, now or never. False: no session, or its queue is full. @throws GodwitError for a bad topic. */
  publish(topic: string, payload: Uint8Array): boolean {
    const client = this.client;
    if (!client?.isOpen) return false;
    const nowMs = this.platform.clock.ticksMs();
    if (client.publish({ topic, payload, qos: 0 }, nowMs) === undefined) return false;
    this.link.wake();
    return true;
  }

  acknowledge(ackToken: number): boolean {
    const nowMs = this.platform.clock.ticksMs();
    if (!this.client?.acknowledge(ackToken, nowMs)) return false;
    this.link.wake();
    return true;
  }

  /** Sends nothing new any more, so that a planned end leaves nothing unacknowledged. */
  drain(): void {
    this.isDraining = true;
  }

  /** Says DISCONNECT; `onEnded` without fault follows when it is on the wire. */
  disconnect(): void {
    this.client?.disconnect(this.platform.clock.ticksMs());
    this.link.flush();
  }

  /** Ends at once; `onEnded` is not called. */
  close(): void {
    this.target = undefined;
    this.isAccepted = false;
    this.link.close();
    this.client?.abort("closed");
  }

  onTransport(): void {
    const { key, host, deviceId, nowS } = this.target!;
    const { keepAliveS, tokenLifeS, modelId, userAgent } = this.options;
    const client = this.client!;
    const nowMs = this.platform.clock.ticksMs();
    const expiryS = nowS + (tokenLifeS ?? TOKEN_LIFE_DEFAULT_S);
    const sas = key && signSas(this.platform.digest, key, hubResource(host, deviceId), expiryS);
    client.connect(
      {
        clientId: deviceId,
        cleanSession: false,
        keepAliveS: keepAliveS ?? KEEP_ALIVE_DEFAULT_S,
        username: hubUserName(host, deviceId, modelId, userAgent),
        ...(sas && { password: sas }),
      },
      nowMs,
    );
    const filters = deviceFilters(deviceId).map((filter) => ({ filter, qos: 1 as const }));
    client.subscribe(filters, nowMs);
    this.owner.onOpening();
    this.feed();
  }

  onTransportError(error: SocketError): void {
    const isEarly = error.code === "closed" && this.client?.isOpen && !this.isAccepted;
    if (isEarly && !this.isCareful) {
      this.isCareful = true;
      // The session stays: what went ahead of CONNACK may be in the hub, so it must come again with DUP.
      this.client!.isPipelined = false;
      this.platform.log("info", "closed before CONNACK: waiting for CONNACK from now on");
      this.end("hubGone", error.message);
      return;
    }
    const fault = isEarly ? "hubGone" : socketFault(error.code, this.target?.isTimeKnown ?? true);
    this.end(fault, error.message);
  }

  onConnack(code: number, isSessionPresent: boolean): void {
    if (code !== 0) {
      const fault = connackFault(code, this.target?.isTimeKnown ?? true);
      this.end(fault, `${this.identity} was refused (CONNACK ${code})`);
      return;
    }
    this.isAccepted = true;
    this.owner.onAccepted(isSessionPresent);
  }

  onPublish(message: InboundMessage, payload: Uint8Array): void {
    const { topic, ackToken } = message;
    if (this.owner.onMessage(topic, payload, ackToken) && ackToken) this.acknowledge(ackToken);
  }

  onRefused(message: InboundMessage): void {
    this.platform.log("warn", `message of ${message.payloadBytes} bytes refused: too large`);
    if (message.ackToken) this.acknowledge(message.ackToken);
  }

  onAcknowledged(packetId: number): void {
    this.outbox.acknowledged(packetId);
    this.owner.onAcknowledged();
    this.feed();
  }

  onSuback(_packetId: number, granted: Uint8Array): void {
    if (granted.includes(0x80)) this.end("protocol", "the hub refused a subscription");
  }

  onClosed(reason: MqttCloseReason, detail: string): void {
    if (reason === "disconnected") {
      // Called while the last bytes are on their way to the socket: it may be closed only behind them.
      const { target } = this;
      this.platform.timers.start(0, () => {
        if (this.target === target) this.end(undefined, "");
      });
    } else {
      this.end(mqttFault(reason), `MQTT ${reason}${detail ? ` (${detail})` : ""}`);
    }
  }

  onError(error: unknown): void {
    this.platform.log("error", `connection: ${String(error)}`);
  }

  private end(fault: FaultCode | undefined, detail: string): void {
    if (!this.target) return;
    this.close();
    this.owner.onEnded(fault, detail);
  }

  /** A session without memory; what was in flight waits again. */
  private renewClient(): void {
    this.outbox.requeue();
    this.client = new MqttClient({ isPipelined: !this.isCareful }, this);
  }
}
