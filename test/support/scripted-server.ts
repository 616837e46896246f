/** A server in a simulated world that does what a test tells it; framed by mqtt-packet, so independent of ours. */
import { generate, type Packet, parser } from "mqtt-packet";
import type { ServerEnd } from "../../host-tools/sim/stream.ts";
import type { World } from "../../host-tools/sim/world.ts";

export type Connect = Extract<Packet, { cmd: "connect" }>;
export type Publish = Extract<Packet, { cmd: "publish" }>;

/** What one device connection did. */
export class ServerSession {
  readonly packets: Packet[] = [];
  readonly atMs: number;
  isOpen = true;
  /** The stream itself, for bytes that no packet generator would make. */
  readonly raw: ServerEnd;

  constructor(stream: ServerEnd, atMs: number) {
    this.raw = stream;
    this.atMs = atMs;
  }

  get connect(): Connect {
    return this.packets.find((packet) => packet.cmd === "connect") as Connect;
  }

  get publishes(): Publish[] {
    return this.packets.filter((packet) => packet.cmd === "publish") as Publish[];
  }

  get commands(): string[] {
    return this.packets.map((packet) => packet.cmd);
  }

  send(packet: Packet): void {
    this.raw.write(new Uint8Array(generate(packet)));
  }

  deliver(topic: string, payload: string, qos: 0 | 1 = 0, messageId = 1): void {
    this.send({ cmd: "publish", topic, payload, qos, dup: false, retain: false, messageId });
  }

  close(): void {
    this.isOpen = false;
    this.raw.close();
  }
}

export interface Script {
  /** CONNACK code; default 0. A function may also close the session and return undefined. */
  connack?: (session: ServerSession) => number | undefined;
  /** True: the script has dealt with the packet, the broker does nothing. */
  onPacket?: (packet: Packet, session: ServerSession) => boolean;
  certificate?: { notBeforeMs: number; notAfterMs: number };
}

export class ScriptedServer {
  readonly sessions: ServerSession[] = [];
  script: Script;
  readonly #world: World;

  constructor(world: World, host: string, script: Script = {}) {
    this.#world = world;
    this.script = script;
    const certificate = script.certificate ?? {
      notBeforeMs: world.epochMs - 86_400_000,
      notAfterMs: world.epochMs + 365 * 86_400_000,
    };
    world.network.listen(host, 8883, { certificate, accept: (stream) => this.#accept(stream) });
  }

  get last(): ServerSession {
    return this.sessions.at(-1)!;
  }

  /** Every publish of every session, in order of arrival. */
  get publishes(): Publish[] {
    return this.sessions.flatMap((session) => session.publishes);
  }

  #accept(stream: ServerEnd): void {
    const session = new ServerSession(stream, this.#world.clock.nowMs);
    this.sessions.push(session);
    const input = parser({ protocolVersion: 4 });
    input.on("packet", (packet) => this.#onPacket(packet, session));
    input.on("error", (error) => {
      throw error;
    });
    stream.onData = (bytes) => input.parse(Buffer.from(bytes));
    stream.onClose = () => {
      session.isOpen = false;
    };
  }

  #onPacket(packet: Packet, session: ServerSession): void {
    session.packets.push(packet);
    if (this.script.onPacket?.(packet, session)) return;
    if (packet.cmd === "connect") {
      const returnCode = this.script.connack ? this.script.connack(session) : 0;
      if (returnCode === undefined) return;
      session.send({ cmd: "connack", returnCode, sessionPresent: false });
      if (returnCode !== 0) session.close();
    } else if (packet.cmd === "subscribe") {
      const granted = packet.subscriptions.map(({ qos }) => qos);
      session.send({ cmd: "suback", messageId: packet.messageId!, granted });
    } else if (packet.cmd === "publish" && packet.qos === 1) {
      session.send({ cmd: "puback", messageId: packet.messageId! });
    } else if (packet.cmd === "pingreq") {
      session.send({ cmd: "pingresp" });
    }
  }
}
