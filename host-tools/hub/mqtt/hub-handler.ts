// A device's connection to the hub: packets to core calls and back (IoT Hub docs "Use MQTT", MQTT 3.1.1).
import type { IPublishPacket, ISubscribePacket, IUnsubscribePacket } from "mqtt-packet";
import { SUBSCRIPTIONS_MAX } from "../../../firmware/connection/limits.ts";
import {
  methodRequestTopic,
  twinDesiredTopic,
  twinResponseTopic,
} from "../../../firmware/connection/service-topics.ts";
import { guarded } from "../core/context.ts";
import { errorBody } from "../core/error-body.ts";
import type { Hub } from "../core/hub.ts";
import { HubError } from "../core/hub-error.ts";
import { type JsonObject, parseJson } from "../core/json.ts";
import type { QueuedMessage } from "../core/queued-message.ts";
import type { Channel, DeviceLink, Session } from "../core/sessions.ts";
import { cloudMessageTopic } from "./cloud-message-topic.ts";
import type { DeviceTopics } from "./device-topics.ts";
import { InFlight } from "./in-flight.ts";
import type { MqttHandler } from "./mqtt-handler.ts";
import type { MqttTransport } from "./mqtt-transport.ts";
import { checkTelemetryBytes, type DecodedBag, decodeTelemetryBag } from "./telemetry-message.ts";

const FORWARDED_WILL = { "iothub-MessageType": "Will" };

export interface Will {
  bag: DecodedBag;
  body: Uint8Array;
}

export class HubHandler implements MqttHandler, DeviceLink {
  readonly #hub: Hub;
  readonly #transport: MqttTransport;
  readonly #topics: DeviceTopics;
  readonly #will: Will | undefined;
  /** Set right after construction: the session needs this link first. */
  session!: Session;
  readonly #inFlight = new InFlight();
  #lastBagText = "";
  #lastBag = decodeTelemetryBag("");

  constructor(hub: Hub, transport: MqttTransport, about: { topics: DeviceTopics; will?: Will }) {
    this.#hub = hub;
    this.#transport = transport;
    this.#topics = about.topics;
    this.#will = about.will;
  }

  batchEnd(): void {
    this.session.activity.lastActivityMs = this.#hub.context.nowMs();
    this.#hub.commit();
  }

  closed(isGraceful: boolean): void {
    guarded(this.#hub.context, () => {
      if (!isGraceful && this.#will !== undefined) this.#forwardWill(this.#will);
      this.#hub.sessions.detach(this.session);
    });
  }

  #forwardWill({ bag, body }: Will): void {
    this.#append(body, { ...bag, properties: { ...bag.properties, ...FORWARDED_WILL } });
  }

  outputDelayMs(): number {
    return this.#hub.faults.delayMsOf(this.session.identity.deviceId);
  }

  sendDesired(patch: JsonObject, version: number): void {
    const payload = Buffer.from(JSON.stringify(patch));
    this.#hub.throttles.charge(payload.length);
    this.#send(twinDesiredTopic(version), payload);
  }

  sendMethod(methodName: string, requestId: string, payload: Uint8Array): void {
    this.#send(methodRequestTopic(methodName, requestId), payload);
  }

  sendCloudMessage(message: QueuedMessage, qos: 0 | 1): void {
    const topic = cloudMessageTopic(this.#topics.devicebound, message);
    if (qos === 0) {
      this.#send(topic, message.body);
      return;
    }
    const messageId = this.#inFlight.add(message);
    const payload = Buffer.from(message.body);
    const dup = message.deliveryCount > 1;
    this.#transport.send({ cmd: "publish", topic, payload, qos, messageId, dup, retain: false });
  }

  close(reason: HubError): void {
    this.#transport.close(reason);
  }

  publish(packet: IPublishPacket): void {
    if (packet.qos === 2) throw new HubError(400004, "a PUBLISH with QoS 2; IoT Hub takes 0 and 1");
    const request = this.#topics.requestOf(packet.topic);
    switch (request.kind) {
      case "telemetry":
        this.#telemetry(request.bag, packet);
        break;
      case "twinGet":
        this.#answerTwin(request.requestId, () => {
          const twin = this.#hub.twins.readAsDevice(this.session.identity);
          return { status: 200, body: JSON.stringify(twin) };
        });
        break;
      case "twinReport":
        this.#answerTwin(request.requestId, () => {
          const patch = parseJson(bytesOf(packet));
          this.#hub.throttles.charge(packet.payload.length);
          const version = this.#hub.twins.report(this.session.identity, patch);
          return { status: 204, body: "", version };
        });
        break;
      default: {
        const { requestId, status } = request;
        this.#hub.methods.answer(this.session, { requestId, status, body: bytesOf(packet) });
      }
    }
    if (packet.qos === 1) this.#transport.acknowledge(packet.messageId!);
  }

  #telemetry(bagText: string, packet: IPublishPacket): void {
    this.#hub.throttles.demandQuota();
    // Most devices send the same bag every time.
    if (bagText !== this.#lastBagText) {
      this.#lastBag = decodeTelemetryBag(bagText);
      this.#lastBagText = bagText;
    }
    const bag = this.#lastBag;
    const body = bytesOf(packet);
    checkTelemetryBytes(body.length + bag.byteCount);
    this.#append(body, packet.retain ? withRetain(bag) : bag);
    this.#shape();
  }

  #append(body: Uint8Array, bag: DecodedBag): void {
    this.#hub.throttles.charge(body.length + bag.byteCount);
    this.#hub.events.append({
      source: "Telemetry",
      origin: this.session.origin,
      // A copy: the payload is a view of a network buffer many times its size.
      body: Buffer.from(body),
      systemProperties: bag.systemProperties,
      properties: bag.properties,
    });
  }

  /** A throttled sender is slowed down, not refused: its acknowledgement waits. */
  #shape(): void {
    const faultMs = this.#hub.faults.throttledForMs(this.session.identity.deviceId);
    const waitMs = Math.max(faultMs, this.#hub.throttles.shapeMs("send"));
    if (waitMs > 0) this.#transport.hold(waitMs);
  }

  #answerTwin(
    requestId: string,
    work: () => { status: number; body: string; version?: number },
  ): void {
    let answer: { status: number; body: string; version?: number };
    try {
      this.#hub.faults.demandUnthrottled(this.session.identity.deviceId);
      answer = work();
    } catch (error) {
      if (!(error instanceof HubError) || error.code === 500001) throw error;
      this.#warn(`twin request refused: ${error.message}`, error);
      answer = { status: error.status, body: JSON.stringify(errorBody(this.#hub.context, error)) };
    }
    if (this.session.qosOf("twinResponses") === undefined) {
      this.#warn("an answer to a twin request is lost: no subscription to $iothub/twin/res/#");
      return;
    }
    const payload = Buffer.from(answer.body);
    this.#hub.throttles.charge(payload.length);
    this.#send(twinResponseTopic(answer.status, requestId, answer.version), payload);
  }

  subscribe(packet: ISubscribePacket): void {
    const opened = new Set<Channel>();
    const granted = packet.subscriptions.map(({ topic: filter, qos }) => {
      const channel = this.#topics.channelOf(filter);
      if (channel === undefined) {
        this.#warn(`subscription refused, IoT Hub has no such filter: ${filter.slice(0, 120)}`);
        return 0x80;
      }
      const grantedQos = qos === 0 ? 0 : 1;
      this.#hub.sessions.subscribe(this.session, { filter, channel, qos: grantedQos });
      opened.add(channel);
      return grantedQos;
    });
    if (this.session.subscriptions.size > SUBSCRIPTIONS_MAX) {
      this.#warn(`more than ${SUBSCRIPTIONS_MAX} subscriptions: the cloud may refuse them`);
    }
    this.#transport.send({ cmd: "suback", messageId: packet.messageId!, granted });
    for (const channel of opened) this.#hub.sessions.opened(this.session, channel);
  }

  unsubscribe(packet: IUnsubscribePacket): void {
    for (const filter of packet.unsubscriptions) {
      this.#hub.sessions.unsubscribe(this.session, filter);
    }
    this.#transport.send({ cmd: "unsuback", messageId: packet.messageId!, granted: [] });
  }

  puback(packetId: number): void {
    const lockToken = this.#inFlight.take(packetId);
    if (lockToken === undefined) {
      this.#warn(
        `PUBACK ${packetId} is for nothing; a message not acknowledged for 60 s was sent again`,
      );
      return;
    }
    try {
      this.#hub.cloudToDevice.complete(this.session.identity, lockToken);
    } catch (error) {
      if (!(error instanceof HubError) || error.code !== 412002) throw error;
      this.#warn(error.message, error);
    }
  }

  #send(topic: string, payload: Uint8Array): void {
    const bytes = Buffer.from(payload);
    this.#transport.send({
      ...{ cmd: "publish", topic, payload: bytes, qos: 0, dup: false, retain: false },
    });
  }

  #warn(text: string, error?: HubError): void {
    const { deviceId } = this.session.identity;
    this.#hub.log.write("warn", text, { deviceId, code: error?.code });
  }
}

/** RETAIN is not kept as in a broker; the back end sees that it was set. */
function withRetain(bag: DecodedBag): DecodedBag {
  return { ...bag, properties: { ...bag.properties, "mqtt-retain": "true" } };
}

/** mqtt-packet types a payload as text or bytes; its parser gives bytes. */
function bytesOf(packet: IPublishPacket): Buffer {
  return packet.payload as Buffer;
}
