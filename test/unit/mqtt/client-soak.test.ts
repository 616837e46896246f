// MqttClient under random cuts, delays and pieces: at-least-once holds both ways, bounds hold always.
import { generate, type Packet, parser } from "mqtt-packet";
import { expect, test } from "vitest";
import { MqttClient } from "../../../firmware/mqtt/client.ts";
import { CONNECT } from "../../support/scripted-broker.ts";
import { type Seeded, seeded } from "../../support/seeded.ts";

const WINDOW = 4;

/** A broker that keeps its session and sends each message until it is acknowledged. */
class Broker {
  stored: string[] = [];
  inFlight = new Set<number>();
  undelivered = new Map<number, string>();
  toClient: Buffer[] = [];
  problems: string[] = [];
  private seen = new Set<string>();
  private isConnected = false;
  private framing = parser();

  restart(): void {
    this.isConnected = false;
    this.toClient = [];
    this.inFlight.clear();
    this.framing = parser();
    this.framing.on("packet", (packet) => this.onPacket(packet));
    this.framing.on("error", (error) => this.problems.push(error.message));
  }

  receive(bytes: Uint8Array): void {
    this.framing.parse(Buffer.from(bytes));
  }

  deliver(messageId: number, payload: string, dup = false): void {
    this.undelivered.set(messageId, payload);
    if (!this.isConnected) return;
    this.toClient.push(
      generate({ cmd: "publish", topic: "d", payload, qos: 1, messageId, dup, retain: false }),
    );
  }

  private onPacket(packet: Packet): void {
    if (packet.cmd === "connect") {
      this.isConnected = true;
      this.toClient.push(generate({ cmd: "connack", returnCode: 0, sessionPresent: true }));
      for (const [id, payload] of this.undelivered) this.deliver(id, payload, true);
    } else if (packet.cmd === "publish")
      this.onPublish(packet.messageId ?? 0, `${packet.payload}`, packet.dup);
    else if (packet.cmd === "puback" && !this.undelivered.delete(packet.messageId ?? 0))
      this.problems.push(`PUBACK ${packet.messageId} for nothing`);
  }

  private onPublish(id: number, payload: string, isDuplicate: boolean): void {
    if (this.inFlight.has(id)) this.problems.push(`id ${id} in use`);
    if (this.inFlight.size >= WINDOW) this.problems.push("window exceeded");
    if (!isDuplicate && this.seen.has(payload)) this.problems.push(`${payload} again without DUP`);
    this.seen.add(payload);
    this.stored.push(payload);
    this.inFlight.add(id);
  }

  acknowledge(random: Seeded): void {
    const id = [...this.inFlight][random.int(random.chance(0.8) ? 1 : this.inFlight.size)];
    if (id === undefined || !this.inFlight.delete(id)) return;
    this.toClient.push(generate({ cmd: "puback", messageId: id }));
  }
}

/** One life: publishes 200 messages each way over a line that is cut every now and then. */
function live(random: Seeded): void {
  const broker = new Broker();
  const acknowledged: number[] = [];
  const delivered: string[] = [];
  let tokens: number[] = [];
  const problems: string[] = [];
  const client = new MqttClient(
    { limits: { inFlightMax: WINDOW, queueMax: 10, unacknowledgedMax: 500 } },
    {
      onConnack: () => undefined,
      onPublish: (message, payload) => {
        delivered.push(Buffer.from(payload).toString());
        tokens.push(message.ackToken);
      },
      onAcknowledged: (packetId) => acknowledged.push(packetId),
      onSuback: () => undefined,
      onClosed: (reason) => {
        tokens = [];
        if (reason !== "transport") problems.push(reason);
      },
      onError: (error) => problems.push(String(error)),
    },
  );
  let published = 0;
  let sent = 0;
  let toBroker: Uint8Array[] = [];
  for (
    let step = 0;
    step < 20_000 && (acknowledged.length < 200 || broker.undelivered.size > 0 || sent < 200);
    step++
  ) {
    if (!client.isOpen) {
      broker.restart();
      toBroker = [];
      client.connect(CONNECT, step);
    }
    if (published < 200 && random.chance(0.3)) {
      const payload = Buffer.from(`m${published}`);
      if (client.publish({ topic: "t", payload, qos: 1 }, step) !== undefined) published++;
    }
    if (sent < 200 && random.chance(0.2) && broker.undelivered.size < 20)
      broker.deliver(++sent, `d${sent}`);
    const bytes = random.chance(0.6) ? client.pull(1 + random.int(40), step) : undefined;
    if (bytes) toBroker.push(bytes);
    if (random.chance(0.6) && toBroker.length > 0) broker.receive(toBroker.shift()!);
    if (random.chance(0.3)) broker.acknowledge(random);
    const inbound = random.chance(0.6) ? broker.toClient.shift() : undefined;
    if (inbound) {
      const cut = random.int(inbound.length);
      client.receive(inbound.subarray(0, cut), step);
      if (random.chance(0.01)) client.abort("cut in a packet");
      client.receive(inbound.subarray(cut), step);
    }
    if (tokens.length > 0 && random.chance(0.3))
      client.acknowledge(tokens.splice(random.int(tokens.length), 1)[0]!, step);
    if (random.chance(0.01)) client.abort("cut");
  }
  expect({ problems, broker: broker.problems, open: broker.undelivered.size }).toEqual({
    problems: [],
    broker: [],
    open: 0,
  });
  expect(acknowledged).toHaveLength(200);
  const firsts = (list: string[]) => [...new Set(list)];
  expect(firsts(broker.stored)).toEqual(Array.from({ length: 200 }, (_, i) => `m${i}`));
  expect(firsts(delivered).sort()).toEqual(
    Array.from({ length: 200 }, (_, i) => `d${i + 1}`).sort(),
  );
}

test("twenty lives over a bad line: nothing lost, nothing invented, order and window kept", () => {
  const random = seeded("mqtt soak");
  for (let round = 0; round < 20; round++) live(random);
});
