// Topic of a cloud-to-device message: prefix and property bag (IoT Hub docs "Use MQTT").
import {
  CONTENT_ENCODING,
  CONTENT_TYPE,
  CORRELATION_ID,
  encodeBag,
  MESSAGE_ID,
} from "../../../firmware/connection/bag.ts";
import type { QueuedMessage } from "../core/queued-message.ts";

/** `prefix` ends with a slash: `devices/{id}/messages/devicebound/`. */
export function cloudMessageTopic(prefix: string, message: QueuedMessage): string {
  const bag: [string, string | null][] = [
    ["$.to", `/${prefix.slice(0, -1)}`],
    [MESSAGE_ID, message.messageId],
  ];
  const optional: [string, string | undefined][] = [
    [CORRELATION_ID, message.correlationId],
    ["$.uid", message.userId],
    [CONTENT_TYPE, message.contentType],
    [CONTENT_ENCODING, message.contentEncoding],
    ["$.exp", new Date(message.expiresMs).toISOString()],
  ];
  for (const [key, value] of optional) if (value !== undefined) bag.push([key, value]);
  if (message.ack !== "none") bag.push(["iothub-ack", message.ack]);
  for (const [name, value] of Object.entries(message.properties)) bag.push([name, value]);
  return prefix + encodeBag(bag);
}
