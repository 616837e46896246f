// A device's connection to the provisioning service: register, poll, result (DPS docs "MQTT support").
import type { IPublishPacket, ISubscribePacket, IUnsubscribePacket } from "mqtt-packet";
import {
  DPS_MESSAGE_BYTES_MAX,
  DPS_POLLS_PER_10_S,
  DPS_RETRY_AFTER_DEFAULT_S,
} from "../../../firmware/connection/service-limits.ts";
import { dpsResponseTopic } from "../../../firmware/connection/service-topics.ts";
import {
  DPS_REGISTER_PREFIX,
  DPS_RESPONSE_PREFIX,
  DPS_STATUS_PREFIX,
  topicParameter,
} from "../../../firmware/connection/topics.ts";
import type { Registration } from "../core/enrollment.ts";
import { isoTime } from "../core/environment.ts";
import { errorBody } from "../core/error-body.ts";
import type { Hub } from "../core/hub.ts";
import { HubError } from "../core/hub-error.ts";
import { isBlank, isObject, type JsonObject, parseJson } from "../core/json.ts";
import type { Attested } from "../core/provisioning.ts";
import type { MqttHandler } from "../mqtt/mqtt-handler.ts";
import type { MqttTransport } from "../mqtt/mqtt-transport.ts";

const POLL_WINDOW_MS = 10_000;

interface Answer {
  status: number;
  body: JsonObject;
  retryAfterS?: number | undefined;
}

export class DpsHandler implements MqttHandler {
  readonly #hub: Hub;
  readonly #transport: MqttTransport;
  readonly #attested: Attested;
  /** When the last polls came, oldest first; at most DPS_POLLS_PER_10_S. */
  #polls: number[] = [];
  #isSubscribed = false;

  constructor(hub: Hub, transport: MqttTransport, attested: Attested) {
    this.#hub = hub;
    this.#transport = transport;
    this.#attested = attested;
  }

  unsubscribe(packet: IUnsubscribePacket): void {
    this.#isSubscribed = false;
    this.#transport.send({ cmd: "unsuback", messageId: packet.messageId!, granted: [] });
  }

  puback(): void {
    // Answers go with QoS 0: there is nothing to acknowledge.
  }

  batchEnd(): void {
    this.#hub.commit();
  }

  closed(): void {
    // A registration that is under way goes on; the device may poll it over another connection.
  }

  outputDelayMs(): number {
    return this.#hub.faults.delayMsOf(this.#attested.deviceId);
  }

  subscribe(packet: ISubscribePacket): void {
    const granted = packet.subscriptions.map(({ topic, qos }) => {
      if (topic !== `${DPS_RESPONSE_PREFIX}#`) {
        this.#warn(`subscription refused, DPS has no such filter: ${topic.slice(0, 120)}`);
        return 0x80;
      }
      this.#isSubscribed = true;
      return qos === 0 ? 0 : 1;
    });
    this.#transport.send({ cmd: "suback", messageId: packet.messageId!, granted });
  }

  publish(packet: IPublishPacket): void {
    if (packet.qos === 2) throw new HubError(400004, "a PUBLISH with QoS 2; DPS takes 0 and 1");
    const { topic } = packet;
    const isRegister = topic.startsWith(DPS_REGISTER_PREFIX);
    if (!isRegister && !topic.startsWith(DPS_STATUS_PREFIX)) {
      throw new HubError(400004, `a topic that DPS does not know: ${topic.slice(0, 120)}`);
    }
    const requestId = topicParameter(topic, "$rid");
    if (!requestId) throw new HubError(400004, "a request without $rid");
    if (packet.qos === 1) this.#transport.acknowledge(packet.messageId!);
    const answer = this.#answer(() =>
      isRegister ? this.#register(packet.payload as Buffer) : this.#status(topic),
    );
    if (!this.#isSubscribed) {
      this.#warn("an answer is lost: no subscription to $dps/registrations/res/#");
      return;
    }
    this.#transport.send({
      ...{ cmd: "publish", qos: 0, dup: false, retain: false },
      topic: dpsResponseTopic(answer.status, requestId, answer.retryAfterS),
      payload: JSON.stringify(answer.body),
    });
  }

  /** Every answer is JSON, refusals too: clients parse the body before they look at the status. */
  #answer(work: () => Answer): Answer {
    try {
      this.#hub.faults.demandUnthrottled(this.#attested.deviceId);
      return work();
    } catch (error) {
      if (!(error instanceof HubError) || error.code === 500001) throw error;
      this.#warn(`request refused: ${error.message}`, error);
      const body = errorBody(this.#hub.context, error);
      return { status: error.status, body, retryAfterS: error.retryAfterS };
    }
  }

  #register(payload: Buffer): Answer {
    if (payload.length > DPS_MESSAGE_BYTES_MAX) {
      throw new HubError(400004, `a registration takes at most ${DPS_MESSAGE_BYTES_MAX} bytes`);
    }
    const body = parseBody(payload);
    const { registrationId } = this.#attested;
    const named = body.registrationId;
    if (
      named !== undefined &&
      (typeof named !== "string" || named.toLowerCase() !== registrationId.toLowerCase())
    ) {
      throw new HubError(400004, `the body's registrationId is not "${registrationId}"`);
    }
    if (body.csr !== undefined) this.#warn("the body's csr is ignored: no certificate issuance");
    const custom = body.payload;
    const operationId = this.#hub.provisioning.start(
      this.#attested,
      isObject(custom) ? custom : undefined,
    );
    return this.#assigning(operationId);
  }

  #status(topic: string): Answer {
    this.#checkPollRate();
    const operationId = topicParameter(topic, "operationId") ?? "";
    const { registrationId } = this.#attested;
    const registration = this.#hub.provisioning.operation(registrationId, operationId);
    if (registration === undefined) return this.#assigning(operationId);
    const text = `registration is ${registration.status}: device "${registration.deviceId}" at ${registration.assignedHub}`;
    this.#hub.log.write("info", text, { deviceId: registration.deviceId });
    const registrationState = describe(registration);
    const { status } = registration;
    return { status: 200, body: { operationId, status, registrationState } };
  }

  #assigning(operationId: string): Answer {
    const body = { operationId, status: "assigning" };
    return { status: 202, body, retryAfterS: this.#hub.dpsRetryAfterS };
  }

  #checkPollRate(): void {
    const nowMs = this.#hub.context.environment.nowMs();
    this.#polls = this.#polls.filter((atMs) => nowMs - atMs < POLL_WINDOW_MS);
    if (this.#polls.length >= DPS_POLLS_PER_10_S) {
      const why = `more than ${DPS_POLLS_PER_10_S} polls in 10 s`;
      throw new HubError(429001, why, { retryAfterS: DPS_RETRY_AFTER_DEFAULT_S });
    }
    this.#polls.push(nowMs);
  }

  #warn(text: string, error?: HubError): void {
    const { deviceId } = this.#attested;
    this.#hub.log.write("warn", `DPS: ${text}`, { deviceId, code: error?.code });
  }
}

function describe(registration: Registration): JsonObject {
  const { payload, groupId } = registration;
  return {
    registrationId: registration.registrationId,
    createdDateTimeUtc: isoTime(registration.createdMs),
    assignedHub: registration.assignedHub,
    deviceId: registration.deviceId,
    status: registration.status,
    substatus: registration.substatus,
    lastUpdatedDateTimeUtc: isoTime(registration.updatedMs),
    etag: registration.etag,
    ...(payload === undefined ? {} : { payload }),
    ...(groupId === undefined ? {} : { enrollmentGroupId: groupId }),
  };
}

/** @throws HubError 400004. */
function parseBody(payload: Buffer): JsonObject {
  if (isBlank(payload)) return {};
  const body = parseJson(payload);
  if (!isObject(body)) throw new HubError(400004, "the body is not a JSON object");
  return body;
}
