// Inbound QoS 1 messages between delivery and PUBACK (MQTT 3.1.1 §4.3.2, §4.6).

const IDS = 65_536;

export class ReceiveWindow {
  /** Number of the connection; makes tokens of an earlier one worthless. */
  private epoch = 0;
  /** Packet ids in order of arrival; negative: acknowledged, but held back by an earlier one. */
  private ids: number[] = [];

  /** A connection begins: what was delivered before can no longer be acknowledged. */
  restart(): void {
    this.epoch++;
    this.ids = [];
  }

  get length(): number {
    return this.ids.length;
  }

  has(packetId: number): boolean {
    return this.ids.indexOf(packetId) >= 0 || this.ids.indexOf(-packetId) >= 0;
  }

  /** Returns the token that stands for this delivery. */
  add(packetId: number): number {
    this.ids.push(packetId);
    return this.epoch * IDS + packetId;
  }

  /** False: the token is not of this connection, or was acknowledged before. */
  acknowledge(token: number): boolean {
    const index = token > this.epoch * IDS ? this.ids.indexOf(token - this.epoch * IDS) : -1;
    if (index < 0) return false;
    this.ids[index] = -this.ids[index]!;
    return true;
  }

  /** The id whose PUBACK may leave now (they leave in order of arrival), or 0. */
  ready(): number {
    return this.ids[0]! < 0 ? -this.ids[0]! : 0;
  }

  /** The PUBACK of `ready()` is queued. */
  release(): void {
    this.ids.shift();
  }
}
