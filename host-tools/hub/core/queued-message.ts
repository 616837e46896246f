// One cloud-to-device message in its queue, and its form in the store.
import type { Properties } from "./event.ts";
import type { FeedbackMode } from "./service.ts";

export interface QueuedMessage {
  /** Order in the queue; part of the store's key. */
  readonly sequence: number;
  readonly messageId: string;
  readonly correlationId?: string | undefined;
  readonly userId?: string | undefined;
  readonly contentType?: string | undefined;
  readonly contentEncoding?: string | undefined;
  readonly body: Uint8Array;
  readonly properties: Properties;
  readonly ack: FeedbackMode;
  readonly enqueuedMs: number;
  readonly expiresMs: number;
  /** How often it was handed out. */
  deliveryCount: number;
  /** Abandoned this often; past the limit it is dead. */
  abandonCount: number;
  /** While a receiver holds it. */
  lockToken?: string | undefined;
  lockedUntilMs?: number | undefined;
}

export interface StoredMessage extends Omit<QueuedMessage, "body"> {
  key: string;
  body: string;
}

export function toStored(key: string, message: QueuedMessage): StoredMessage {
  return { ...message, key, body: Buffer.from(message.body).toString("base64") };
}

/** A lock does not survive the hub's restart: the receiver is gone. */
export function fromStored(stored: StoredMessage): QueuedMessage {
  const { key: _key, body, ...rest } = stored;
  return {
    ...rest,
    body: Buffer.from(body, "base64"),
    lockToken: undefined,
    lockedUntilMs: undefined,
  };
}
