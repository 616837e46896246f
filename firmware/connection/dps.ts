/** Registration with the Device Provisioning Service over MQTT (Azure docs "Communicate with DPS using MQTT"). */
import { GodwitError } from "../codec/error.ts";
import { decodeUtf8, encodeUtf8 } from "../codec/utf8.ts";
import { MqttClient } from "../mqtt/client.ts";
import type { MqttCloseReason, MqttEvents } from "../mqtt/events.ts";
import type { InboundMessage } from "../mqtt/packet-reader.ts";
import type { Platform } from "../ports/platform.ts";
import type { SocketError, TlsOptions } from "../ports/socket.ts";
import type { TimerHandle } from "../ports/timers.ts";
import { type Assignment, parseAnswer } from "./assignment.ts";
import { RETRY_AFTER_MAX_MS } from "./backoff.ts";
import type { DpsIdentity } from "./credentials.ts";
import { connackFault, mqttFault, socketFault } from "./faults.ts";
import { Link, type LinkOwner } from "./link.ts";
import { DPS_POLICY, signSas } from "./sas.ts";
import {
  DPS_REGISTER_PREFIX,
  DPS_RESPONSE_PREFIX,
  DPS_STATUS_PREFIX,
  dpsResource,
  dpsUserName,
  segmentAfter,
  topicParameter,
} from "./topics.ts";
import type { FaultCode } from "./types.ts";

/** Status polls of one registration; at the service's pace of a few seconds this is minutes. */
export const POLLS_MAX = 60;
/** Wait between polls when the service does not say. */
export const POLL_DEFAULT_MS = 3000;
const TOKEN_LIFE_S = 3600;
const KEEP_ALIVE_S = 120;

export interface DpsOutcome {
  assignment?: Assignment;
  fault?: FaultCode;
  detail?: string;
  retryAfterMs?: number;
}

export interface DpsRequest {
  identity: DpsIdentity;
  tls: TlsOptions;
  modelId: string | undefined;
  nowS: number;
  isTimeKnown: boolean;
}

/** One registration attempt, from the first packet to an assignment or a fault. Used once. */
export class Registration implements LinkOwner, MqttEvents {
  private readonly platform: Platform;
  private readonly request: DpsRequest;
  private readonly done: (outcome: DpsOutcome) => void;
  private readonly link: Link;
  private readonly client: MqttClient;
  private isOver = false;
  private rid = 0;
  private polls = 0;
  private operationId = "";
  private timer: TimerHandle | undefined;

  /** `done` is called once, unless `stop` came first. */
  constructor(platform: Platform, request: DpsRequest, done: (outcome: DpsOutcome) => void) {
    this.platform = platform;
    this.request = request;
    this.done = done;
    this.link = new Link(platform, this);
    this.client = new MqttClient({ isPipelined: false }, this);
    this.link.open(this.client, request.identity.host, request.tls);
  }

  stop(): void {
    this.isOver = true;
    if (this.timer) this.platform.timers.stop(this.timer);
    this.timer = undefined;
    this.link.close();
    this.client.abort("stopped");
  }

  onTransport(): void {
    const { identity, nowS } = this.request;
    const { scope, registrationId, key } = identity;
    const nowMs = this.platform.clock.ticksMs();
    const resource = dpsResource(scope, registrationId);
    const expiryS = nowS + TOKEN_LIFE_S;
    this.client.connect(
      {
        clientId: registrationId,
        cleanSession: true,
        keepAliveS: KEEP_ALIVE_S,
        username: dpsUserName(scope, registrationId),
        ...(key && {
          password: signSas(this.platform.digest, key, resource, expiryS, DPS_POLICY),
        }),
      },
      nowMs,
    );
    this.client.subscribe([{ filter: `${DPS_RESPONSE_PREFIX}#`, qos: 1 }], nowMs);
    this.register();
  }

  onTransportError(error: SocketError): void {
    this.fail(socketFault(error.code, this.request.isTimeKnown), error.message);
  }

  onConnack(code: number): void {
    if (code !== 0) {
      const fault = connackFault(code, this.request.isTimeKnown);
      this.fail(fault, `the provisioning service refused the registration (CONNACK ${code})`);
    }
  }

  onSuback(_packetId: number, granted: Uint8Array): void {
    if (granted[0] === 0x80) this.fail("protocol", "the provisioning service refused SUBSCRIBE");
  }

  onAcknowledged(): void {}

  onPublish(message: InboundMessage, payload: Uint8Array): void {
    if (message.ackToken) this.client.acknowledge(message.ackToken, this.platform.clock.ticksMs());
    if (!message.topic.startsWith(DPS_RESPONSE_PREFIX)) return;
    if (topicParameter(message.topic, "$rid") !== `${this.rid}`) return;
    const status = Number(segmentAfter(message.topic, DPS_RESPONSE_PREFIX));
    const askedS = Number(topicParameter(message.topic, "retry-after") ?? Number.NaN);
    const retryAfterMs = askedS >= 0 ? Math.min(askedS * 1000, RETRY_AFTER_MAX_MS) : undefined;
    try {
      this.answer(status, decodeUtf8(payload), retryAfterMs);
    } catch (error) {
      const code =
        error instanceof GodwitError && error.code === "gone" ? "provisioning" : "protocol";
      this.fail(code, `provisioning service: ${error instanceof Error ? error.message : error}`);
    }
  }

  onClosed(reason: MqttCloseReason, detail: string): void {
    this.fail(mqttFault(reason), `provisioning service: ${reason} ${detail}`);
  }

  onError(error: unknown): void {
    this.platform.log("error", `provisioning: ${String(error)}`);
  }

  private answer(status: number, body: string, retryAfterMs: number | undefined): void {
    if (status === 429 || status >= 500) {
      const code = status === 429 ? "throttled" : "hubGone";
      this.fail(code, `provisioning service answered ${status}`, retryAfterMs);
      return;
    }
    const { registrationId, scope } = this.request.identity;
    const answer = parseAnswer(status, body, scope, registrationId);
    if (answer.assignment) {
      this.end({ assignment: answer.assignment });
      return;
    }
    this.operationId = answer.operationId;
    if (++this.polls > POLLS_MAX) {
      this.fail("timeout", "provisioning took too many polls");
      return;
    }
    const { timers } = this.platform;
    if (this.timer) timers.stop(this.timer);
    this.timer = timers.start(Math.max(retryAfterMs ?? POLL_DEFAULT_MS, 1000), () => this.poll());
  }

  private register(): void {
    const { identity, modelId } = this.request;
    const body = {
      registrationId: identity.registrationId,
      ...(modelId && { payload: { modelId } }),
    };
    this.publish(`${DPS_REGISTER_PREFIX}?$rid=${++this.rid}`, encodeUtf8(JSON.stringify(body)));
  }

  private poll(): void {
    this.timer = undefined;
    this.publish(
      `${DPS_STATUS_PREFIX}?$rid=${++this.rid}&operationId=${this.operationId}`,
      encodeUtf8(" "),
    );
  }

  private publish(topic: string, payload: Uint8Array): void {
    try {
      this.client.publish({ topic, payload, qos: 1 }, this.platform.clock.ticksMs());
      this.link.wake();
    } catch (error) {
      this.fail("protocol", `provisioning service: ${String(error)}`);
    }
  }

  private fail(fault: FaultCode, detail: string, retryAfterMs = 0): void {
    this.end({ fault, detail, retryAfterMs });
  }

  private end(outcome: DpsOutcome): void {
    if (this.isOver) return;
    this.stop();
    // In a turn of its own: opening the hub from inside this receiver would nest too deep for a chip's stack.
    this.timer = this.platform.timers.start(0, () => this.done(outcome));
  }
}
