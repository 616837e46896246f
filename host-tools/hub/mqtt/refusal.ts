// How a connection is refused: a CONNACK with a return code, then the end (MQTT 3.1.1 §3.2.2.3).
import type { HubError } from "../core/hub-error.ts";
import type { MqttTransport } from "./mqtt-transport.ts";

export type ReturnCode = 1 | 2 | 3 | 4 | 5;

/** Sends the refusal and closes; the reason goes to the log. */
export function refuse(
  transport: MqttTransport,
  reason: HubError,
  returnCode: ReturnCode,
): undefined {
  transport.send({ cmd: "connack", returnCode, sessionPresent: false });
  transport.close(reason);
  return undefined;
}
