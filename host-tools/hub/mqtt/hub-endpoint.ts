// The hub's MQTT endpoint: decides on CONNECT (IoT Hub docs "Use MQTT"; MQTT 3.1.1 §3.1, §3.2).
import type { IConnectPacket } from "mqtt-packet";
import { isOwnHost } from "../core/context.ts";
import type { Hub } from "../core/hub.ts";
import { HubError, type HubErrorCode } from "../core/hub-error.ts";
import { identityKey } from "../core/identity.ts";
import { DeviceTopics } from "./device-topics.ts";
import { HubHandler, type Will } from "./hub-handler.ts";
import { type HubUsername, parseHubUsername } from "./hub-username.ts";
import type { MqttHandler } from "./mqtt-handler.ts";
import type { MqttTransport } from "./mqtt-transport.ts";
import { type ReturnCode, refuse } from "./refusal.ts";
import { checkTelemetryBytes, decodeTelemetryBag } from "./telemetry-message.ts";

/** How a refusal looks to the device; all others are 5, "not authorized". */
const RETURN_CODES: Partial<Record<HubErrorCode, ReturnCode>> = {
  400004: 4,
  403002: 3,
  403012: 3,
  404012: 3,
  429001: 3,
  500001: 3,
};

/** Answers a CONNECT to the hub. Returns undefined when it was refused. */
export function acceptHub(
  hub: Hub,
  packet: IConnectPacket,
  transport: MqttTransport,
): MqttHandler | undefined {
  if (packet.protocolVersion !== 4 || packet.protocolId !== "MQTT") {
    const why = `protocol level ${packet.protocolVersion}; IoT Hub speaks MQTT 3.1.1 (level 4)`;
    return refuse(transport, new HubError(400004, why), 1);
  }
  try {
    const name = parseHubUsername(packet.username);
    transport.deviceId = name.deviceId;
    const refusal = hub.faults.refusalOf(name.deviceId);
    if (refusal !== undefined) {
      return refuse(transport, new HubError(404012, "refused on purpose"), refusal);
    }
    if (packet.clientId !== identityKey(name)) {
      const why = `the client id is "${packet.clientId.slice(0, 140)}", the user name says "${identityKey(name)}"`;
      return refuse(transport, new HubError(400004, why), 2);
    }
    return admit(hub, name, { packet, transport });
  } catch (error) {
    if (!(error instanceof HubError)) throw error;
    return refuse(transport, error, RETURN_CODES[error.code] ?? 5);
  }
}

function admit(
  hub: Hub,
  name: HubUsername,
  { packet, transport }: { packet: IConnectPacket; transport: MqttTransport },
): MqttHandler {
  if (!isOwnHost(hub.context.names, name.host)) {
    const own = hub.context.names.join(", ");
    throw new HubError(400004, `the user name is for hub "${name.host}", this hub is ${own}`);
  }
  hub.throttles.demand("connect");
  const { identity, authMethod, expiresMs } = hub.authenticator.authenticate(name, {
    password: packet.password?.toString("utf8"),
    certificate: transport.stream.certificate,
  });
  const topics = new DeviceTopics(name);
  const will = readWill(packet, topics);
  if (name.apiVersion === undefined) {
    hub.log.write("warn", "the user name names no api-version", { deviceId: name.deviceId });
  }
  if (name.modelId !== undefined) hub.twins.announceModel(name, name.modelId);
  const handler = new HubHandler(hub, transport, { topics, ...(will && { will }) });
  const { generationId } = identity;
  const origin = { ...name, generationId, authMethod, modelId: name.modelId };
  const { session, isPresent } = hub.sessions.attach({
    ...{ identity, origin, expiresMs, link: handler },
    isClean: packet.clean ?? false,
  });
  handler.session = session;
  transport.setKeepAlive(packet.keepalive ?? 0);
  transport.send({ cmd: "connack", returnCode: 0, sessionPresent: isPresent });
  const how = isPresent ? "connected, session resumed" : "connected";
  hub.log.write("info", `${transport.stream.peerName}: ${how}`, { deviceId: name.deviceId });
  hub.sessions.resume(session);
  return handler;
}

/** @throws HubError 400004: a will may only be telemetry. */
function readWill(packet: IConnectPacket, topics: DeviceTopics): Will | undefined {
  const { will } = packet;
  if (will === undefined) return undefined;
  if (will.qos === 2) throw new HubError(400004, "a will with QoS 2; IoT Hub takes 0 and 1");
  const request = topics.requestOf(will.topic);
  if (request.kind !== "telemetry") {
    throw new HubError(400004, "a will must go to the telemetry topic of its device");
  }
  const bag = decodeTelemetryBag(request.bag);
  const body = Buffer.from(will.payload as Buffer);
  checkTelemetryBytes(body.length + bag.byteCount);
  return { bag, body };
}
