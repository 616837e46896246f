// Writes down what a PacketReader reports, one line per packet, so that streams can be compared as text.
import type { InboundMessage, MqttFault, PacketSink } from "../../firmware/mqtt/packet-reader.ts";

export class RecordingSink implements PacketSink {
  lines: string[] = [];
  fault: MqttFault | undefined;
  /** Parts of the payload that is being received. */
  private parts: Uint8Array[] = [];
  private partBytes = 0;

  onPacket(type: number, body: Uint8Array): void {
    this.lines.push(`${type} ${Buffer.from(body).toString("hex")}`);
  }

  onMessage(message: InboundMessage): boolean {
    this.parts = [];
    this.partBytes = 0;
    return message.topic !== "skip";
  }

  onPayload(message: InboundMessage, payload: Uint8Array, offset: number): void {
    if (offset !== this.partBytes) throw new Error(`part at ${offset}, expected ${this.partBytes}`);
    this.parts.push(payload.slice());
    this.partBytes += payload.length;
    if (this.partBytes === message.payloadBytes)
      this.lines.push(
        messageLine(message, message.isRetained, message.isDuplicate, Buffer.concat(this.parts)),
      );
  }

  close(fault: MqttFault): void {
    if (this.fault) throw new Error("two faults");
    this.fault = fault;
  }
}

export function messageLine(
  head: { topic: string; qos: number; packetId: number },
  isRetained: boolean,
  isDuplicate: boolean,
  payload: Buffer,
): string {
  return `3 ${head.topic} ${head.qos} ${head.packetId} ${isRetained} ${isDuplicate} ${payload.toString("hex")}`;
}
