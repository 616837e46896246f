/** Failures sorted by what has to be done about them: by backoff, or by a person who reads one line. */
import type { MqttCloseReason } from "../mqtt/events.ts";
import type { SocketErrorCode } from "../ports/socket.ts";
import type { Pace } from "./backoff.ts";
import type { FaultCode } from "./types.ts";

const WAY_OUT: Readonly<Record<FaultCode, string>> = {
  configuration: "store valid credentials",
  credentials: "check that the device exists and is enabled, and its key or certificate",
  clock: "the time is not known; let the device reach a time server",
  dns: "check the host name and the network's DNS",
  network: "check the network; it may also block port 8883",
  timeout: "the link is dead or very slow; retrying",
  certificate: "check the trusted roots and the host name",
  handshake: "TLS failed; check versions, cipher suites and the client certificate",
  hubGone: "the hub is restarting, failing over or gone; retrying",
  throttled: "the service is busy or the device disabled; slowing down",
  takeover: "another client most likely uses this identity; give each device its own",
  provisioning: "check the enrollment and the ID scope",
  protocol: "one side broke MQTT; report it with the log",
  closed: "the hub or the network closed the connection; retrying",
};

/** One line: what happened, and the way out. */
export function explain(code: FaultCode, detail: string): string {
  return `${detail}: ${WAY_OUT[code]}`;
}

export function paceOf(code: FaultCode): Pace {
  switch (code) {
    case "configuration":
    case "credentials":
    case "provisioning":
      return "identity";
    case "throttled":
    case "takeover":
      return code;
    default:
      return "network";
  }
}

/** A transport that failed. `certificate` may be the clock's fault: the caller knows whether the time is known. */
export function socketFault(code: SocketErrorCode, isTimeKnown: boolean): FaultCode {
  switch (code) {
    case "certificate":
      return isTimeKnown ? "certificate" : "clock";
    case "refused":
      return "hubGone";
    case "unreachable":
      return "network";
    default:
      return code;
  }
}

/** CONNACK other than 0 (MQTT 3.1.1 §3.2.2.3). A token made with a guessed time is refused like a wrong one. */
export function connackFault(code: number, isTimeKnown: boolean): FaultCode {
  if (code === 3) return "throttled";
  if (code === 1) return "protocol";
  return isTimeKnown ? "credentials" : "clock";
}

/** How an MQTT session ended, where its own codec or its deadlines ended it. */
export function mqttFault(reason: MqttCloseReason): FaultCode {
  if (reason === "timeout" || reason === "stalled") return "timeout";
  return reason === "transport" ? "closed" : "protocol";
}
