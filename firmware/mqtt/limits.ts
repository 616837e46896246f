// Every bound of the MQTT session, with the policy when it is reached. IoT Hub's own limits stand in connection/.

export interface MqttLimits {
  /** QoS 1 publishes on the wire without PUBACK. Further ones wait in the queue. */
  inFlightMax: number;
  /** QoS 1 publishes held altogether. `publish` refuses (returns undefined). */
  queueMax: number;
  /** Bytes of QoS 1 publishes held in memory; streamed payloads do not count. `publish` refuses. */
  queueBytesMax: number;
  /** QoS 0 publishes, (un)subscriptions and acknowledgements waiting to be sent. Calls refuse. */
  urgentMax: number;
  /** SUBSCRIBE and UNSUBSCRIBE without answer. Calls refuse. */
  subscriptionsPendingMax: number;
  /** Largest inbound packet. A longer one closes the connection. */
  packetBytesMax: number;
  /** Longest inbound topic kept. A message with a longer one is refused, the connection stays. */
  topicBytesMax: number;
  /** Largest inbound payload delivered in one piece. Larger ones go to `onPublishPart` or are refused. */
  payloadBytesMax: number;
  /** Inbound QoS 1 messages delivered and not acknowledged. Further ones are refused. */
  unacknowledgedMax: number;
  /** Age of the oldest unanswered CONNECT, PUBLISH, (UN)SUBSCRIBE or PINGREQ that means: link dead. */
  answerTimeoutMs: number;
}

/** Filters in one SUBSCRIBE or UNSUBSCRIBE, hence return codes in one SUBACK. */
export const FILTERS_MAX = 8;

export const MQTT_LIMITS: MqttLimits = {
  inFlightMax: 8,
  queueMax: 32,
  queueBytesMax: 16384,
  urgentMax: 32,
  subscriptionsPendingMax: 8,
  packetBytesMax: 327_680,
  topicBytesMax: 2048,
  payloadBytesMax: 16384,
  unacknowledgedMax: 16,
  answerTimeoutMs: 30_000,
};
