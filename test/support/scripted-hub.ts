// A hub end for tests of the device: real MQTT framing (mqtt-packet), twin, methods and messages, faults on demand.
// It shares no code with the firmware: topics and merge rules are written down here a second time on purpose.
import mqtt, { type Packet } from "mqtt-packet";
import type { ServerEnd } from "../../host-tools/sim/stream.ts";
import type { World } from "../../host-tools/sim/world.ts";

export const hubHost = "hub.test";
export const deviceConnection = `HostName=${hubHost};DeviceId=dev1;SharedAccessKey=${btoa("key")}`;

type Json = Record<string, unknown>;
/** What to do with a request: nothing (answer as IoT Hub does), lose it, lose the answer, or refuse. */
export type Fate = undefined | "lose" | "loseAnswer" | number;

export interface Telemetry {
  bag: string;
  payload: Uint8Array;
}

function merge(target: Json, patch: Json): Json {
  const result: Json = { ...target };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else if (typeof value === "object" && !Array.isArray(value)) {
      result[key] = merge((result[key] as Json) ?? {}, value as Json);
    } else result[key] = value;
  }
  return result;
}

export class ScriptedHub {
  desired: Json = {};
  desiredVersion = 1;
  reported: Json = {};
  reportedVersion = 1;
  readonly telemetry: Telemetry[] = [];
  readonly answers: { status: number; rid: string; body: string }[] = [];
  readonly patches: Json[] = [];
  readonly completed: string[] = [];
  gets = 0;
  connects = 0;
  fateOfGet: () => Fate = () => undefined;
  fateOfPatch: (body: Json) => Fate = () => undefined;
  fateOfNotification: () => Fate = () => undefined;
  /** Raw bytes instead of the twin document. */
  twinBody: string | undefined;
  #stream: ServerEnd | undefined;
  #rid = 0;
  #packetId = 0;
  #queue: { id: number; bag: string; payload: string }[] = [];

  constructor(world: World) {
    const certificate = { notBeforeMs: 0, notAfterMs: 4e12 };
    world.network.listen(hubHost, 8883, { certificate, accept: (stream) => this.#accept(stream) });
  }

  get isConnected(): boolean {
    return this.#stream !== undefined;
  }

  /** Merges a patch into the desired properties and notifies the device, if it is there. */
  patchDesired(patch: Json): void {
    this.desired = merge(this.desired, patch);
    this.desiredVersion++;
    if (this.fateOfNotification() !== undefined) return;
    const body = JSON.stringify({ ...patch, $version: this.desiredVersion });
    this.notify(this.desiredVersion, body);
  }

  notify(version: number, body: string): void {
    this.#publish(`$iothub/twin/PATCH/properties/desired/?$version=${version}`, body);
  }

  callMethod(name: string, body: string | Buffer): string {
    const rid = `m${++this.#rid}`;
    this.#publish(`$iothub/methods/POST/${name}/?$rid=${rid}`, body);
    return rid;
  }

  answerTo(rid: string): { status: number; body: string } | undefined {
    const found = this.answers.find((answer) => answer.rid === rid);
    return found && { status: found.status, body: found.body };
  }

  /** Queues a cloud-to-device message; it is sent again after a reconnect until it is acknowledged. */
  sendMessage(payload: string, bag = "%24.mid=m1"): void {
    const message = { id: ++this.#packetId, bag, payload };
    this.#queue.push(message);
    this.#deliver(message, false);
  }

  send(topic: string, payload: string | Buffer): void {
    this.#publish(topic, payload);
  }

  drop(): void {
    const stream = this.#stream;
    this.#stream = undefined;
    stream?.close();
  }

  #accept(stream: ServerEnd): void {
    const parser = mqtt.parser({ protocolVersion: 4 });
    parser.on("packet", (packet) => this.#packet(stream, packet));
    stream.onData = (bytes) => parser.parse(Buffer.from(bytes));
    stream.onClose = () => {
      if (this.#stream === stream) this.#stream = undefined;
    };
  }

  #packet(stream: ServerEnd, packet: Packet): void {
    const reply = (answer: Packet) => stream.write(mqtt.generate(answer));
    if (packet.cmd === "connect") {
      const isPresent = this.connects++ > 0;
      this.#stream = stream;
      reply({ cmd: "connack", returnCode: 0, sessionPresent: isPresent });
      for (const message of this.#queue) this.#deliver(message, true);
    } else if (packet.cmd === "subscribe") {
      const granted = packet.subscriptions.map(() => 1);
      reply({ cmd: "suback", messageId: packet.messageId!, granted });
    } else if (packet.cmd === "pingreq") reply({ cmd: "pingresp" });
    else if (packet.cmd === "puback") {
      const done = this.#queue.find((message) => message.id === packet.messageId);
      if (done) this.completed.push(done.payload);
      this.#queue = this.#queue.filter((message) => message !== done);
    } else if (packet.cmd === "publish") {
      this.#published(packet.topic, packet.payload as Buffer);
      if (packet.qos === 1) reply({ cmd: "puback", messageId: packet.messageId! });
    }
  }

  #published(topic: string, payload: Buffer): void {
    const rid = /\$rid=([^&]*)/.exec(topic)?.[1] ?? "";
    if (topic.startsWith("devices/dev1/messages/events/")) {
      const bag = topic.slice("devices/dev1/messages/events/".length);
      this.telemetry.push({ bag, payload: new Uint8Array(payload) });
    } else if (topic.startsWith("$iothub/methods/res/")) {
      const status = Number(topic.split("/")[3]);
      this.answers.push({ status, rid, body: payload.toString() });
    } else if (topic.startsWith("$iothub/twin/GET/")) this.#get(rid);
    else if (topic.startsWith("$iothub/twin/PATCH/properties/reported/")) {
      this.#patch(rid, JSON.parse(payload.toString()));
    } else throw new Error(`unexpected topic ${topic}`);
  }

  #get(rid: string): void {
    this.gets++;
    const fate = this.fateOfGet();
    if (fate === "lose" || fate === "loseAnswer") return;
    if (typeof fate === "number") {
      this.#publish(`$iothub/twin/res/${fate}/?$rid=${rid}`, '{"errorCode":1,"message":"no"}');
      return;
    }
    const twin = {
      desired: { ...this.desired, $version: this.desiredVersion },
      reported: { ...this.reported, $version: this.reportedVersion },
    };
    this.#publish(`$iothub/twin/res/200/?$rid=${rid}`, this.twinBody ?? JSON.stringify(twin));
  }

  #patch(rid: string, body: Json): void {
    const fate = this.fateOfPatch(body);
    if (fate === "lose") return;
    if (typeof fate === "number") {
      this.#publish(`$iothub/twin/res/${fate}/?$rid=${rid}`, "{}");
      return;
    }
    this.patches.push(body);
    this.reported = merge(this.reported, body);
    this.reportedVersion++;
    if (fate === "loseAnswer") return;
    this.#publish(`$iothub/twin/res/204/?$rid=${rid}&$version=${this.reportedVersion}`, "");
  }

  #deliver(message: { id: number; bag: string; payload: string }, dup: boolean): void {
    const topic = `devices/dev1/messages/devicebound/${message.bag}`;
    const { id: messageId, payload } = message;
    const packet: Packet = {
      cmd: "publish",
      topic,
      payload,
      qos: 1,
      messageId,
      dup,
      retain: false,
    };
    this.#stream?.write(mqtt.generate(packet));
  }

  #publish(topic: string, payload: string | Buffer): void {
    const packet: Packet = { cmd: "publish", topic, payload, qos: 0, dup: false, retain: false };
    this.#stream?.write(mqtt.generate(packet));
  }
}
