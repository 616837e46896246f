/** Limits of IoT Hub that devices must keep (Azure docs "Quotas and throttling", "MQTT support", twin guide). */

/** Telemetry message: body, system property values, application property names and values. */
export const D2C_BYTES_MAX = 262_144;
/** Desired and reported properties, each, by the hub's own size rule. */
export const TWIN_SECTION_BYTES_MAX = 32_768;
export const TWIN_DEPTH_MAX = 10;
export const METHOD_PAYLOAD_BYTES_MAX = 131_072;
/** The hub drops a client after 1.5 times its keep-alive, and never waits longer than 1767 s. */
export const KEEP_ALIVE_MAX_S = 1177;
export const DEVICE_ID_LENGTH_MAX = 128;
export const SUBSCRIPTIONS_MAX = 5;
