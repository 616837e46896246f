/** Device-to-cloud messages waiting for their PUBACK: bounded in bytes and count, in order, alive across reconnects. */
import type { OutboundMessage, OutboxLimits, Settled } from "./types.ts";

export const OUTBOX_DEFAULTS: OutboxLimits = {
  bytesMax: 8192,
  countMax: 32,
  overflow: "dropOldest",
};

/** What a queued message costs beside payload and bag (object, array entries). */
const MESSAGE_OVERHEAD_BYTES = 32;

/**
 * The first `inFlight` messages are with the MQTT session, under their packet ids; the others wait.
 * Only waiting messages are ever dropped: one in flight may be in the hub already.
 */
export class Outbox {
  private readonly limits: OutboxLimits;
  private readonly settle: (message: OutboundMessage, outcome: Settled) => void;
  private readonly messages: OutboundMessage[] = [];
  /** Packet ids of the messages in flight, in the same order. */
  private readonly ids: number[] = [];
  private byteCount = 0;

  /** `settle` is told the fate of every accepted message; it must not throw. */
  constructor(
    limits: Partial<OutboxLimits> | undefined,
    settle: (message: OutboundMessage, outcome: Settled) => void,
  ) {
    this.limits = { ...OUTBOX_DEFAULTS, ...limits };
    this.settle = settle;
  }

  get count(): number {
    return this.messages.length;
  }

  get inFlight(): number {
    return this.ids.length;
  }

  get bytes(): number {
    return this.byteCount;
  }

  /** Longest message, payload and bag, that can ever be taken. */
  get messageBytesMax(): number {
    return this.limits.bytesMax - MESSAGE_OVERHEAD_BYTES;
  }

  /** Whether `message` would be taken without dropping another. */
  hasRoomFor(message: OutboundMessage): boolean {
    return (
      this.messages.length < this.limits.countMax &&
      this.byteCount + costOf(message) <= this.limits.bytesMax
    );
  }

  /**
   * Takes `message`, dropping older ones if the policy allows: first normal, then (for a high one) high.
   * False: refused; nothing was dropped.
   */
  offer(message: OutboundMessage): boolean {
    if (!this.hasRoomFor(message) && !this.makeRoom(message)) return false;
    this.messages.push(message);
    this.byteCount += costOf(message);
    return true;
  }

  /** The oldest message that is not in flight. */
  peek(): OutboundMessage | undefined {
    return this.messages[this.ids.length];
  }

  /** The message given by `peek` is in flight now. */
  sent(packetId: number): void {
    this.ids.push(packetId);
  }

  /** Gives up the message given by `peek`. */
  discard(): void {
    this.remove(this.ids.length, "dropped");
  }

  /** The hub has the message. False: `packetId` is none of ours. */
  acknowledged(packetId: number): boolean {
    const index = this.ids.indexOf(packetId);
    if (index < 0) return false;
    this.ids.splice(index, 1);
    this.remove(index, "acknowledged");
    return true;
  }

  /** The session with its packet ids is gone: everything unacknowledged waits again, in order. */
  requeue(): void {
    this.ids.length = 0;
  }

  /** Gives up every message. */
  clear(): void {
    this.ids.length = 0;
    while (this.messages.length > 0) this.remove(0, "dropped");
  }

  private makeRoom(message: OutboundMessage): boolean {
    const { overflow, bytesMax, countMax } = this.limits;
    const cost = costOf(message);
    if (overflow === "refuse" || cost > bytesMax) return false;
    const victims = this.victims(message, this.byteCount + cost - bytesMax, countMax);
    if (!victims) return false;
    for (const victim of victims) this.remove(this.messages.indexOf(victim), "dropped");
    return true;
  }

  /** Who must go so that `excessBytes` and one place become free, or undefined if that cannot be had. */
  private victims(
    message: OutboundMessage,
    excessBytes: number,
    countMax: number,
  ): OutboundMessage[] | undefined {
    const victims: OutboundMessage[] = [];
    let places = this.messages.length + 1 - countMax;
    let bytes = excessBytes;
    const passes = message.priority === "high" ? 2 : 1;
    for (let pass = 0; pass < passes; pass++) {
      for (let i = this.ids.length; i < this.messages.length; i++) {
        if (places <= 0 && bytes <= 0) return victims;
        const candidate = this.messages[i]!;
        if ((candidate.priority === "high") !== (pass === 1)) continue;
        victims.push(candidate);
        places--;
        bytes -= costOf(candidate);
      }
    }
    return places <= 0 && bytes <= 0 ? victims : undefined;
  }

  private remove(index: number, outcome: Settled): void {
    const [message] = this.messages.splice(index, 1);
    if (!message) return;
    this.byteCount -= costOf(message);
    this.settle(message, outcome);
  }
}

function costOf(message: OutboundMessage): number {
  return message.payload.length + (message.bag?.length ?? 0) + MESSAGE_OVERHEAD_BYTES;
}
