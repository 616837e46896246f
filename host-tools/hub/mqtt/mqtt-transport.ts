// One MQTT 3.1.1 connection over any byte stream: framing by mqtt-packet, batches, keep-alive, bounds.
import mqttPacket, { type IConnectPacket, type Packet, type Parser } from "mqtt-packet";
import { SERVER_KEEP_ALIVE_CAP_S } from "../../../firmware/connection/service-limits.ts";
import type { TimerHandle } from "../../../firmware/ports/timers.ts";
import type { HubEnvironment } from "../core/environment.ts";
import { HubError } from "../core/hub-error.ts";
import type { ByteStream } from "./byte-stream.ts";
import { hand, type MqttHandler } from "./mqtt-handler.ts";
import { checkPacket } from "./packet-check.ts";
import { PacketGate } from "./packet-gate.ts";
import { PacketOutput } from "./packet-output.ts";
import { PublishReader } from "./publish-reader.ts";

/** A client that says nothing is cut off. */
const CONNECT_TIMEOUT_MS = 30_000;
/** Input waiting behind a throttle; overflow: the connection ends. */
const HELD_BYTES_MAX = 1024 * 1024;
const PUBLISH = 3;

export interface TransportOptions {
  environment: HubEnvironment;
  stream: ByteStream;
  /** Decides on a CONNECT: writes CONNACK through the transport and returns the handler, or closes. */
  onConnect(packet: IConnectPacket, transport: MqttTransport): MqttHandler | undefined;
  /** Why a connection ended, for the log. */
  onEnd(reason: HubError, transport: MqttTransport): void;
}

export class MqttTransport {
  readonly stream: ByteStream;
  readonly #options: TransportOptions;
  readonly #gate = new PacketGate();
  readonly #publishReader = new PublishReader();
  readonly #parser: Parser = mqttPacket.parser({ protocolVersion: 4 });
  /** Who is at the other end, once known; for the log. */
  deviceId: string | undefined;
  #handler: MqttHandler | undefined;
  readonly #output: PacketOutput;
  #isInBatch = false;
  #isClosing = false;
  #isClosed = false;
  #isGraceful = false;
  #lastInputMs: number;
  #keepAliveMs = CONNECT_TIMEOUT_MS;
  #keepAliveTimer: TimerHandle | undefined;
  #holdTimer: TimerHandle | undefined;
  #heldBytes = 0;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.stream = options.stream;
    this.#output = new PacketOutput(options.environment, options.stream);
    this.#lastInputMs = options.environment.nowMs();
    this.#parser.on("packet", (packet) => this.#packet(packet));
    this.#parser.on("error", (error) => {
      throw new HubError(400004, `malformed packet: ${error.message}`);
    });
    this.#armKeepAlive();
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** True while a throttle keeps it from reading. */
  get isHeld(): boolean {
    return this.#holdTimer !== undefined;
  }

  /** Bytes from the peer. Never throws: whatever they are, only this connection can end. */
  receive(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    this.#gate.push(bytes);
    if (this.#holdTimer === undefined) {
      this.#drain();
      return;
    }
    this.#heldBytes += bytes.length;
    if (this.#heldBytes > HELD_BYTES_MAX) {
      this.close(new HubError(429001, "sent on and on while throttled"));
    }
  }

  /** The peer or the network ended the connection. */
  ended(): void {
    if (this.#isClosed) return;
    const how = this.#isGraceful ? "disconnected" : "connection lost without DISCONNECT";
    this.close(new HubError(404104, how));
  }

  /** Queues a packet; it leaves with the batch, or at once outside of one. */
  send(packet: Packet): void {
    if (this.#isClosed) return;
    this.#output.add(packet);
    if (!this.#isInBatch) this.#flush();
  }

  /** Queues a PUBACK: as `send`, for the packet that is sent most. */
  acknowledge(messageId: number): void {
    if (this.#isClosed) return;
    this.#output.addPuback(messageId);
    if (!this.#isInBatch) this.#flush();
  }

  /** After CONNACK: 1.5 × the client's keep-alive, never more than the server's cap. */
  setKeepAlive(keepAliveS: number): void {
    const seconds = keepAliveS === 0 ? SERVER_KEEP_ALIVE_CAP_S : keepAliveS * 1.5;
    this.#keepAliveMs = Math.min(seconds, SERVER_KEEP_ALIVE_CAP_S) * 1000;
    this.#armKeepAlive();
  }

  /** Stops reading for a while: how a throttle shapes a sender. */
  hold(durationMs: number): void {
    if (this.#holdTimer !== undefined || this.#isClosed) return;
    this.stream.pause?.();
    this.#holdTimer = this.#options.environment.timers.start(durationMs, () => {
      this.#holdTimer = undefined;
      this.#heldBytes = 0;
      this.#lastInputMs = this.#options.environment.nowMs();
      this.stream.resume?.();
      this.#drain();
    });
  }

  /** Ends the connection; what was queued before is still sent. */
  close(reason: HubError): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#settle();
    this.#isClosed = true;
    this.#output.close();
    const { timers } = this.#options.environment;
    if (this.#keepAliveTimer !== undefined) timers.stop(this.#keepAliveTimer);
    if (this.#holdTimer !== undefined) timers.stop(this.#holdTimer);
    this.#options.onEnd(reason, this);
    this.#handler?.closed(this.#isGraceful);
    this.stream.close();
  }

  /** What came before the end counts: it is made durable and acknowledged, or neither. */
  #settle(): void {
    try {
      if (this.#isInBatch) this.#handler?.batchEnd();
      this.#flush();
    } catch (error) {
      // Without acknowledgement the device sends it again.
      this.#output.drop();
      this.#options.onEnd(reasonOf(error), this);
    }
  }

  #drain(): void {
    this.#isInBatch = true;
    try {
      this.#lastInputMs = this.#options.environment.nowMs();
      while (!this.#isClosed && this.#holdTimer === undefined) {
        const packet = this.#gate.next();
        if (packet === undefined) break;
        if (packet[0]! >> 4 === PUBLISH) {
          this.#packet(this.#publishReader.read(packet, this.#gate.headerBytes));
        } else {
          this.#parser.parse(packet);
        }
      }
      if (!this.#isClosed) this.#handler?.batchEnd();
      this.#isInBatch = false;
      this.#flush();
    } catch (error) {
      this.#fail(error);
      this.#isInBatch = false;
    }
  }

  /** When the store failed, nothing of the batch may be acknowledged. */
  #fail(error: unknown): void {
    if (error instanceof HubError && error.code === 500001) this.#output.drop();
    this.close(reasonOf(error));
  }

  #packet(packet: Packet): void {
    if (this.#isClosed) return;
    checkPacket(packet);
    if (packet.cmd === "connect") {
      if (this.#handler !== undefined) throw new HubError(400004, "a second CONNECT");
      this.#handler = this.#options.onConnect(packet, this);
    } else if (this.#handler === undefined) {
      throw new HubError(400004, `${packet.cmd.toUpperCase()} before CONNECT`);
    } else if (packet.cmd === "pingreq") {
      this.send({ cmd: "pingresp" });
    } else if (packet.cmd === "disconnect") {
      this.#isGraceful = true;
      this.ended();
    } else {
      hand(packet, this.#handler);
    }
  }

  #flush(): void {
    if (this.#isClosed) return;
    this.#output.flush(this.#handler?.outputDelayMs() ?? 0);
    if (!this.#output.isOverfull) return;
    this.#output.drop();
    this.close(new HubError(400029, "the device does not read what it is sent"));
  }

  #armKeepAlive(): void {
    const { environment } = this.#options;
    if (this.#keepAliveTimer !== undefined) environment.timers.stop(this.#keepAliveTimer);
    const waitMs = Math.max(1, this.#lastInputMs + this.#keepAliveMs - environment.nowMs());
    this.#keepAliveTimer = environment.timers.start(waitMs, () => {
      this.#keepAliveTimer = undefined;
      if (environment.nowMs() - this.#lastInputMs < this.#keepAliveMs) {
        this.#armKeepAlive();
        return;
      }
      const what = this.#handler === undefined ? "no CONNECT" : "nothing heard";
      this.close(new HubError(404104, `${what} for ${this.#keepAliveMs / 1000} s`));
    });
  }
}

function reasonOf(error: unknown): HubError {
  if (error instanceof HubError) return error;
  return new HubError(400004, `malformed packet: ${(error as Error).message}`, { cause: error });
}
