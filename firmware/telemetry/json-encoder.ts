/** Telemetry as JSON (RFC 8259), one object per message: what IoT Hub's body routing and most back ends read. */
import { encodeUtf8 } from "../codec/utf8.ts";
import type { Sample, TelemetryEncoder } from "./encoder.ts";

export class JsonEncoder implements TelemetryEncoder {
  get bag(): string {
    return "$.ct=application%2Fjson&$.ce=utf-8";
  }

  get isTimed(): boolean {
    return false;
  }

  add(sample: Sample): Uint8Array {
    return encodeUtf8(JSON.stringify(sample));
  }

  flush(): undefined {
    return undefined;
  }

  nextDeadlineMs(): number {
    return Infinity;
  }
}
