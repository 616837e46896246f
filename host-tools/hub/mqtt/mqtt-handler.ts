// What serves a connection behind its transport: the hub's device session or the provisioning service.
import type { IPublishPacket, ISubscribePacket, IUnsubscribePacket, Packet } from "mqtt-packet";
import { HubError } from "../core/hub-error.ts";

/** What happens on a connection once its CONNECT was accepted. A HubError out of a packet's method ends it. */
export interface MqttHandler {
  publish(packet: IPublishPacket): void;
  subscribe(packet: ISubscribePacket): void;
  unsubscribe(packet: IUnsubscribePacket): void;
  puback(packetId: number): void;
  /** All packets of one read are handled: make them durable. Output is written after this. */
  batchEnd(): void;
  /** The connection is gone; called once. `isGraceful` after a DISCONNECT. */
  closed(isGraceful: boolean): void;
  /** How long output is held back (fault). */
  outputDelayMs(): number;
}

/** Gives a packet to whoever serves the connection. @throws HubError */
export function hand(packet: Packet, handler: MqttHandler): void {
  switch (packet.cmd) {
    case "publish":
      handler.publish(packet);
      break;
    case "subscribe":
      handler.subscribe(packet);
      break;
    case "unsubscribe":
      handler.unsubscribe(packet);
      break;
    case "puback":
      handler.puback(packet.messageId!);
      break;
    default:
      throw new HubError(400004, `${packet.cmd.toUpperCase()} is not for a client to send`);
  }
}
