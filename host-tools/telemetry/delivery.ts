// Proves from (boot, sequence, class) what came twice, late or not at all.
import { BOOT, CLASS, LOST, MISSING, SEQUENCE } from "../../firmware/telemetry/shipment.ts";
import type { TelemetryMessage } from "./message.ts";

/** Sequence numbers from first to last, both included. */
export interface Range {
  first: number;
  last: number;
}

export interface DeliveryReport {
  deviceId: string;
  boot: number;
  class: number;
  messages: number;
  /** Came again. */
  duplicates: number;
  /** Came after a later one. */
  reordered: number;
  /** Never came, between the first and the last that did. */
  gaps: Range[];
  missing: number;
  /** Losses that the device itself declared: made room for others, or could not be read any more. */
  declared: number;
}

class Line {
  readonly seen: Range[] = [];
  messages = 0;
  duplicates = 0;
  reordered = 0;
  declared = 0;

  /** False: it came before. */
  take(sequence: number): boolean {
    this.messages++;
    const { seen } = this;
    let at = seen.length;
    while (at > 0 && seen[at - 1]!.first > sequence) at--;
    const before = seen[at - 1];
    if (before && sequence <= before.last) {
      this.duplicates++;
      return false;
    }
    const after = seen[at];
    if (after) this.reordered++;
    const joinsBefore = before?.last === sequence - 1;
    const joinsAfter = after?.first === sequence + 1;
    if (joinsBefore && joinsAfter) {
      before.last = after.last;
      seen.splice(at, 1);
    } else if (joinsBefore) before.last = sequence;
    else if (joinsAfter) after.first = sequence;
    else seen.splice(at, 0, { first: sequence, last: sequence });
    return true;
  }
}

function whole(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** Follows the messages of all devices. */
export class Delivery {
  private readonly lines = new Map<string, Line>();

  /** False: a repetition, whose rows are known already. Messages without marks always count as new. */
  take({ deviceId, properties }: TelemetryMessage): boolean {
    const boot = whole(properties[BOOT]);
    const sequence = whole(properties[SEQUENCE]);
    if (boot === undefined || sequence === undefined) return true;
    const logClass = whole(properties[CLASS]) ?? 1;
    const line = this.line(deviceId, boot, logClass);
    if (!line.take(sequence)) return false;
    line.declared += whole(properties[MISSING]) ?? 0;
    const lost = properties[LOST]?.split(".").map(whole);
    const [lostClass, count, firstBoot] = lost ?? [];
    if (lostClass !== undefined && count !== undefined)
      this.line(deviceId, firstBoot ?? boot, lostClass).declared += count;
    return true;
  }

  report(): DeliveryReport[] {
    return [...this.lines].map(([key, { seen, ...line }]) => {
      const [deviceId, boot, logClass] = JSON.parse(key) as [string, number, number];
      const gaps = seen
        .slice(1)
        .map(({ first }, i) => ({ first: seen[i]!.last + 1, last: first - 1 }));
      const missing = gaps.reduce((sum, { first, last }) => sum + last - first + 1, 0);
      return { deviceId, boot, class: logClass, ...line, gaps, missing };
    });
  }

  private line(deviceId: string, boot: number, logClass: number): Line {
    const key = JSON.stringify([deviceId, boot, logClass]);
    const line = this.lines.get(key) ?? new Line();
    this.lines.set(key, line);
    return line;
  }
}
