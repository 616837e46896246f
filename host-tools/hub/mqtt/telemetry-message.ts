// Device-to-cloud messages: topic and property bag to event (IoT Hub docs "Use MQTT", "Message format").
import { BAG_PROPERTIES_MAX, decodeBag } from "../../../firmware/connection/bag.ts";
import { D2C_BYTES_MAX } from "../../../firmware/connection/limits.ts";
import type { Properties } from "../core/event.ts";
import { HubError } from "../core/hub-error.ts";

/** Wire key → name at AMQP and Event Hubs; others keep their wire key. */
const SYSTEM_NAMES: Readonly<Record<string, string>> = {
  "$.mid": "message-id",
  "$.cid": "correlation-id",
  "$.uid": "user-id",
  "$.ct": "content-type",
  "$.ce": "content-encoding",
  "$.to": "to",
  "$.exp": "absolute-expiry-time",
  "$.ctime": "iothub-creation-time-utc",
  "$.sub": "dt-subject",
  "$.on": "iothub-outputname",
};

export interface DecodedBag {
  systemProperties: Properties;
  properties: Properties;
  /** What the bag counts against the size of a message. */
  byteCount: number;
}

const EMPTY_BAG: DecodedBag = { systemProperties: {}, properties: {}, byteCount: 0 };

/**
 * Decodes the part of a topic after `…/messages/events/`.
 * @throws HubError 400004 saying where it is malformed.
 */
export function decodeTelemetryBag(text: string): DecodedBag {
  // The Node SDK puts a slash behind the bag of a module's output.
  const bag = text.endsWith("/") ? text.slice(0, -1) : text;
  if (bag === "") return EMPTY_BAG;
  const systemProperties: Record<string, string | null> = Object.create(null);
  const properties: Record<string, string | null> = Object.create(null);
  let byteCount = 0;
  for (const [name, value] of decoded(bag)) {
    byteCount += Buffer.byteLength(value ?? "");
    if (name.startsWith("$.")) {
      systemProperties[SYSTEM_NAMES[name] ?? name] = value;
    } else {
      properties[name] = value;
      byteCount += Buffer.byteLength(name);
    }
  }
  return { systemProperties, properties, byteCount };
}

/** @throws HubError 400006. */
export function checkTelemetryBytes(byteCount: number): void {
  if (byteCount <= D2C_BYTES_MAX) return;
  throw new HubError(
    400006,
    `a message of ${byteCount} bytes; body and properties take at most ${D2C_BYTES_MAX}`,
  );
}

function decoded(bag: string): Map<string, string | null> {
  try {
    return decodeBag(bag);
  } catch (cause) {
    const why = (cause as Error).message;
    throw new HubError(400004, `${why} (at most ${BAG_PROPERTIES_MAX} properties)`, { cause });
  }
}
