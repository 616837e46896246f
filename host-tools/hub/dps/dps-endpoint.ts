// The provisioning service's MQTT endpoint: decides on CONNECT (DPS docs "MQTT support").
import type { IConnectPacket } from "mqtt-packet";
import type { Hub } from "../core/hub.ts";
import { HubError } from "../core/hub-error.ts";
import type { MqttHandler } from "../mqtt/mqtt-handler.ts";
import type { MqttTransport } from "../mqtt/mqtt-transport.ts";
import { refuse } from "../mqtt/refusal.ts";
import { DpsHandler } from "./dps-handler.ts";
import { parseDpsUsername } from "./dps-username.ts";

/** Answers a CONNECT to DPS. Returns undefined when it was refused. */
export function acceptDps(
  hub: Hub,
  packet: IConnectPacket,
  transport: MqttTransport,
): MqttHandler | undefined {
  if (packet.protocolVersion !== 4) {
    const why = `protocol level ${packet.protocolVersion}; DPS speaks MQTT 3.1.1 (level 4)`;
    return refuse(transport, new HubError(400004, why), 1);
  }
  try {
    return admit(hub, packet, transport);
  } catch (error) {
    if (!(error instanceof HubError)) throw error;
    return refuse(transport, error, error.status === 401 ? 5 : 4);
  }
}

function admit(
  hub: Hub,
  packet: IConnectPacket,
  transport: MqttTransport,
): MqttHandler | undefined {
  const { idScope, registrationId } = parseDpsUsername(packet.username);
  transport.deviceId = registrationId;
  const refusal = hub.faults.refusalOf(registrationId);
  if (refusal !== undefined) {
    return refuse(transport, new HubError(404012, "refused on purpose"), refusal);
  }
  if (packet.clientId.toLowerCase() !== registrationId.toLowerCase()) {
    const why = `the client id is "${packet.clientId.slice(0, 140)}", the user name says "${registrationId}"`;
    return refuse(transport, new HubError(400004, why), 2);
  }
  if (idScope !== hub.provisioning.idScope) {
    const own = hub.provisioning.idScope;
    throw new HubError(401002, `the id scope is "${idScope}", this service has "${own}"`);
  }
  const attested = hub.provisioning.attest(registrationId, {
    password: packet.password?.toString("utf8"),
    certificate: transport.stream.certificate,
  });
  transport.setKeepAlive(packet.keepalive ?? 0);
  transport.send({ cmd: "connack", returnCode: 0, sessionPresent: false });
  return new DpsHandler(hub, transport, attested);
}
