// What mqtt-packet lets through although MQTT 3.1.1 forbids it: ids, lengths, ill-formed text (§1.5.3, §2.3.1).
import type { Packet } from "mqtt-packet";
import { HubError } from "../core/hub-error.ts";

/** @throws HubError 400004. */
export function checkPacket(packet: Packet): void {
  switch (packet.cmd) {
    case "subscribe":
      checkId(packet.messageId);
      if (packet.subscriptions.length === 0) throw bad("SUBSCRIBE without a filter");
      for (const { topic } of packet.subscriptions) checkText(topic, "filter");
      return;
    case "unsubscribe":
      checkId(packet.messageId);
      for (const topic of packet.unsubscriptions) checkText(topic, "filter");
      return;
    case "puback":
      checkId(packet.messageId);
      return;
    case "connect":
      for (const text of [packet.clientId, packet.username ?? "", packet.will?.topic ?? ""]) {
        checkText(text, "CONNECT field");
      }
      return;
    default:
      return;
  }
}

function checkId(id: number | undefined): void {
  if (id === undefined || id < 1 || id > 0xffff) throw bad("a packet id of 0, or none");
}

function checkText(text: string | null, what: string): void {
  if (text === null) throw bad(`a ${what} that ends too early`);
  // U+FFFD is what ill-formed UTF-8 decodes to.
  if (text.includes("\u0000") || text.includes("\ufffd"))
    throw bad(`a ${what} that is not UTF-8, or holds U+0000`);
}

function bad(what: string): HubError {
  return new HubError(400004, `malformed packet: ${what}`);
}
