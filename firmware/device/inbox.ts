/** Messages on their way from the connection to the application, which runs on a stack of its own. */

/** Further messages are refused: the twin is fetched again, calls time out, queued messages come again. */
const countMax = 16;
const bytesMax = 24_576;

export interface Inbound {
  readonly topic: string;
  readonly payload: Uint8Array;
  /** 0: nothing to acknowledge. */
  readonly ackToken: number;
}

export class Inbox {
  private readonly messages: Inbound[] = [];
  private bytes = 0;

  get isEmpty(): boolean {
    return this.messages.length === 0;
  }

  /** Copies a message; false if there is no room for it. */
  add(topic: string, payload: Uint8Array, ackToken: number): boolean {
    if (this.messages.length >= countMax || this.bytes + payload.length > bytesMax) return false;
    this.messages.push({ topic, payload: payload.slice(), ackToken });
    this.bytes += payload.length;
    return true;
  }

  take(): Inbound | undefined {
    const message = this.messages.shift();
    if (message) this.bytes -= message.payload.length;
    return message;
  }

  /** The session is over: answers and calls belong to it, unacknowledged messages come again. */
  clear(): void {
    this.messages.length = 0;
    this.bytes = 0;
  }
}
