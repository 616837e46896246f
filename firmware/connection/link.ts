/** One transport connection at a time under one MQTT session: moves bytes, keeps the deadlines, lets nothing escape. */
import type { MqttClient } from "../mqtt/client.ts";
import type { Platform } from "../ports/platform.ts";
import type { Socket, SocketError, TlsOptions } from "../ports/socket.ts";
import type { TimerHandle } from "../ports/timers.ts";
import { MQTT_TLS_PORT } from "./topics.ts";

/** DNS, TCP and TLS together: TLS alone takes some seconds on a small chip. */
export const TRANSPORT_TIMEOUT_MS = 60_000;
/** Bytes taken from the socket at once, so that a full TLS record is never in the heap twice. */
const READ_BYTES_MAX = 1024;

export interface LinkOwner {
  /** TLS is up: call `connect` on the session now. */
  onTransport(): void;
  /** The transport failed or was closed by the peer. The link is closed already. */
  onTransportError(error: SocketError): void;
}

export class Link {
  receivedBytes = 0;
  sentBytes = 0;
  private readonly platform: Platform;
  private readonly owner: LinkOwner;
  private client: MqttClient | undefined;
  private socket: Socket | undefined;
  private timer: TimerHandle | undefined;
  private writableBytes = 0;
  private isUp = false;
  private isReceiving = false;

  constructor(platform: Platform, owner: LinkOwner) {
    this.platform = platform;
    this.owner = owner;
  }

  /** Connects to `host` (`name` or `name:port`); the name is resolved anew every time. Never throws. */
  open(client: MqttClient, host: string, tls: TlsOptions): void {
    this.close();
    this.client = client;
    const colon = host.indexOf(":");
    const name = colon < 0 ? host : host.slice(0, colon);
    const port = colon < 0 ? MQTT_TLS_PORT : Number(host.slice(colon + 1));
    this.arm(TRANSPORT_TIMEOUT_MS);
    try {
      this.socket = this.platform.network.connect({
        host: name,
        port,
        tls,
        onReadable: (count) => this.onReadable(count),
        onWritable: (count) => this.onWritable(count),
        onError: (error) => this.fail(error),
      });
    } catch (error) {
      this.failLater(error);
    }
  }

  /** Something was given to the session: its bytes go out, together with what else this turn brings. */
  wake(): void {
    if (this.isUp && !this.isReceiving) this.arm(0);
  }

  /** Writes what the session has and the window takes, now. */
  flush(): void {
    try {
      this.pump();
    } catch (error) {
      this.failLater(error);
    }
  }

  /** Ends the transport without a word. Never throws; nothing is called back afterwards. */
  close(): void {
    if (this.timer) this.platform.timers.stop(this.timer);
    this.timer = undefined;
    this.client = undefined;
    this.isUp = false;
    this.writableBytes = 0;
    const socket = this.socket;
    this.socket = undefined;
    socket?.close();
  }

  private onWritable(count: number): void {
    try {
      this.writableBytes = count;
      if (!this.isUp) {
        this.isUp = true;
        this.owner.onTransport();
      }
      this.pump();
    } catch (error) {
      this.failLater(error);
    }
  }

  private onReadable(count: number): void {
    try {
      this.isReceiving = true;
      for (let left = count; left > 0 && this.socket; ) {
        const bytes = this.socket.read(Math.min(left, READ_BYTES_MAX));
        left -= bytes.length;
        this.receivedBytes += bytes.length;
        this.client?.receive(bytes, this.platform.clock.ticksMs());
      }
      this.isReceiving = false;
      this.pump();
    } catch (error) {
      this.failLater(error);
    } finally {
      this.isReceiving = false;
    }
  }

  private onTimer(): void {
    this.timer = undefined;
    if (!this.isUp) {
      this.fail({ code: "timeout", message: "no TLS connection in time" });
      return;
    }
    try {
      this.client?.tick(this.platform.clock.ticksMs());
      this.pump();
    } catch (error) {
      this.failLater(error);
    }
  }

  private pump(): void {
    const nowMs = this.platform.clock.ticksMs();
    while (this.isUp && this.writableBytes > 0) {
      const bytes = this.client?.pull(this.writableBytes, nowMs);
      if (!bytes || !this.socket) break;
      this.sentBytes += bytes.length;
      this.writableBytes = this.socket.write(bytes);
    }
    if (this.isUp && this.client) this.arm(this.client.nextDeadlineMs() - nowMs);
  }

  private arm(delayMs: number): void {
    const { timers } = this.platform;
    if (this.timer) timers.stop(this.timer);
    this.timer = undefined;
    if (delayMs === Number.POSITIVE_INFINITY) return;
    this.timer = timers.start(Math.max(0, delayMs), () => this.onTimer());
  }

  private fail(error: SocketError): void {
    this.close();
    try {
      this.owner.onTransportError(error);
    } catch (cause) {
      this.platform.log("error", `connection: ${String(cause)}`);
    }
  }

  /** A platform that broke its promise (a read or write that throws) ends like a dead link. */
  private failLater(error: unknown): void {
    this.fail({ code: "closed", message: `socket failed (${String(error)})` });
  }
}
