/** A cloud-to-device message (IoT Hub "cloud-to-device messages") as its handler sees it. */
import { decodeUtf8 } from "../codec/utf8.ts";

export class CloudMessage {
  /** Decoded property bag; system properties begin with "$." ("$.mid" is the message id). */
  readonly properties: ReadonlyMap<string, string | null>;
  readonly payload: Uint8Array;

  constructor(properties: ReadonlyMap<string, string | null>, payload: Uint8Array) {
    this.properties = properties;
    this.payload = payload;
  }

  get id(): string | undefined {
    return this.properties.get("$.mid") ?? undefined;
  }

  /** The payload as text. @throws GodwitError `malformed` if it is not UTF-8 */
  get text(): string {
    return decodeUtf8(this.payload);
  }
}
