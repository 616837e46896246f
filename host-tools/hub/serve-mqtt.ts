// One entry for every device connection: hub or provisioning service, told apart by the user name's grammar.
import type { Hub } from "./core/hub.ts";
import type { HubError } from "./core/hub-error.ts";
import { acceptDps } from "./dps/dps-endpoint.ts";
import { isDpsUsername } from "./dps/dps-username.ts";
import type { ByteStream } from "./mqtt/byte-stream.ts";
import { acceptHub } from "./mqtt/hub-endpoint.ts";
import { MqttTransport } from "./mqtt/mqtt-transport.ts";

/**
 * Serves one connection over any byte stream. Feed the result: `receive(bytes)` with what arrives,
 * `ended()` when the peer is gone. It writes to and closes `stream`.
 */
export function serveMqtt(hub: Hub, stream: ByteStream): MqttTransport {
  return new MqttTransport({
    environment: hub.context.environment,
    stream,
    onConnect: (packet, transport) =>
      isDpsUsername(packet.username)
        ? acceptDps(hub, packet, transport)
        : acceptHub(hub, packet, transport),
    onEnd: (reason, transport) => logEnd(hub, reason, transport),
  });
}

function logEnd(hub: Hub, reason: HubError, transport: MqttTransport): void {
  const level = reason.code === 404104 || reason.code === 400027 ? "info" : "warn";
  const text = `${transport.stream.peerName}: ${reason.message}`;
  hub.log.write(level, text, { deviceId: transport.deviceId, code: reason.code });
}
