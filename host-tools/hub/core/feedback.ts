// Delivery feedback of cloud-to-device messages, in batches (IoT Hub docs "Send cloud-to-device messages").
import {
  FEEDBACK_BATCH_MAX,
  FEEDBACK_DELAY_S,
} from "../../../firmware/connection/service-limits.ts";
import type { HubContext } from "./context.ts";
import { Deadline, isoTime } from "./environment.ts";
import type { Identity } from "./identity.ts";
import type { QueuedMessage } from "./queued-message.ts";
import type { FeedbackRecord } from "./service.ts";

const DESCRIPTIONS: Record<FeedbackRecord["statusCode"], string> = {
  Success: "Success",
  Expired: "Message expired",
  DeliveryCountExceeded: "Message was abandoned too often",
  Rejected: "Message was rejected by the device",
  Purged: "Message was purged",
};

export class Feedback {
  readonly #context: HubContext;
  readonly #listeners = new Set<(records: readonly FeedbackRecord[]) => void>();
  readonly #deadline: Deadline;
  #records: FeedbackRecord[] = [];

  constructor(context: HubContext) {
    this.#context = context;
    this.#deadline = new Deadline(context.environment, context.nowMs, () => this.#flush());
  }

  subscribe(listener: (records: readonly FeedbackRecord[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Records the end of a message if its sender asked for it. */
  record(
    identity: Identity,
    message: QueuedMessage,
    statusCode: FeedbackRecord["statusCode"],
  ): void {
    const wanted = statusCode === "Success" ? "positive" : "negative";
    if (message.ack !== "full" && message.ack !== wanted) return;
    this.#records.push({
      originalMessageId: message.messageId,
      enqueuedTimeUtc: isoTime(this.#context.nowMs()),
      statusCode,
      description: DESCRIPTIONS[statusCode],
      deviceId: identity.deviceId,
      deviceGenerationId: identity.generationId,
    });
    if (this.#records.length >= FEEDBACK_BATCH_MAX) this.#flush();
    else if (this.#records.length === 1) {
      this.#deadline.set(this.#context.nowMs() + FEEDBACK_DELAY_S * 1000);
    }
  }

  #flush(): void {
    this.#deadline.stop();
    const records = this.#records;
    this.#records = [];
    if (records.length === 0) return;
    for (const listener of this.#listeners) listener(records);
  }
}
