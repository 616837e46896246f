// Ports a hub listens on when nothing else is said.

/** MQTT over TLS, as in the cloud. */
export const defaultMqttsPort = 8883;
/** The cloud's 443 needs privileges. */
export const defaultHttpsPort = 8443;
