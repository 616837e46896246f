// What goes into an MQTT session and what comes out of it (types only; nothing of this is on the device).
import type { MqttLimits } from "./limits.ts";
import type { InboundMessage, MqttFault } from "./packet-reader.ts";

export interface MqttOptions {
  /** Bounds that differ from `MQTT_LIMITS`. */
  limits?: Partial<MqttLimits>;
  /** Send right behind CONNECT, before CONNACK (MQTT 3.1.1 §3.1.4 allows it). Default true. */
  isPipelined?: boolean;
}

/** A payload that is fetched piece by piece when the wire takes it: it is never in memory whole. */
export interface PayloadSource {
  byteLength: number;
  /** Up to `maxBytes` bytes from `offset`. An empty array: not ready, asked again by a later `pull`. */
  read(offset: number, maxBytes: number): Uint8Array;
}

export interface MqttPublish {
  topic: string;
  /** Kept by reference until acknowledged (QoS 1) or sent (QoS 0): do not change it meanwhile. */
  payload: Uint8Array | PayloadSource;
  qos: 0 | 1;
  retain?: boolean;
}

/** Why a connection ended. The session (unacknowledged QoS 1 publishes) outlives all of them. */
export type MqttCloseReason =
  | MqttFault
  /** `disconnect` was called, and the transport has taken DISCONNECT. */
  | "disconnected"
  /** `abort` was called: the transport failed or the peer closed it. */
  | "transport"
  /** CONNACK with a code other than 0 (the detail is the code). */
  | "refused"
  /** No answer within `answerTimeoutMs` (the detail names the packet). */
  | "timeout"
  /** Output waited for `answerTimeoutMs` without a byte being pulled. */
  | "stalled"
  /** A payload source threw or gave too much: its message is dropped (the detail is its packet id). */
  | "source";

/** Everything the session tells its owner. What these throw is contained and goes to `onError`. */
export interface MqttEvents {
  /** CONNACK: 0 = accepted; for 1 to 5 (§3.2.2.3) `onClosed` follows. */
  onConnack(code: number, isSessionPresent: boolean): void;
  /** A whole message. `message` and `payload` are valid during the call only. */
  onPublish(message: InboundMessage, payload: Uint8Array): void;
  /** Part of a message larger than `payloadBytesMax`. Without this handler such messages are refused. */
  onPublishPart?(message: InboundMessage, part: Uint8Array, offset: number): void;
  /** A message over a bound was skipped. It may be acknowledged, to be rid of it. */
  onRefused?(message: InboundMessage): void;
  /** PUBACK for the id that `publish` returned. */
  onAcknowledged(packetId: number): void;
  /** SUBACK: per filter the granted QoS, or 0x80 = refused. Valid during the call. */
  onSuback(packetId: number, granted: Uint8Array): void;
  onUnsuback?(packetId: number): void;
  /** The connection is over: close the transport. `connect` may be called from here. */
  onClosed(reason: MqttCloseReason, detail: string): void;
  /** A handler or a payload source threw `error`. */
  onError(error: unknown): void;
}
