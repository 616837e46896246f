// Cloud-to-device messages a connection has not acknowledged (MQTT 3.1.1 §4.3.2).
import type { QueuedMessage } from "../core/queued-message.ts";

interface Held {
  sequence: number;
  lockToken: string;
}

/** One entry a message, so never more than a queue holds. */
export class InFlight {
  readonly #held = new Map<number, Held>();
  #packetId = 0;

  /** Gives the message a packet id; an older id of the same message ends to mean anything. */
  add(message: QueuedMessage): number {
    const { sequence } = message;
    for (const [packetId, older] of this.#held) {
      if (older.sequence === sequence) this.#held.delete(packetId);
    }
    do this.#packetId = (this.#packetId % 0xffff) + 1;
    while (this.#held.has(this.#packetId));
    this.#held.set(this.#packetId, { sequence, lockToken: message.lockToken! });
    return this.#packetId;
  }

  /** The lock token of what a PUBACK acknowledges; undefined when it is for nothing. */
  take(packetId: number): string | undefined {
    const lockToken = this.#held.get(packetId)?.lockToken;
    this.#held.delete(packetId);
    return lockToken;
  }
}
