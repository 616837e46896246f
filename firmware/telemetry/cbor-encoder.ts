/** Telemetry as CBOR (RFC 8949), one map per message: less than half of JSON for most samples. */
import { encodeCbor } from "../codec/cbor.ts";
import type { Sample, TelemetryEncoder } from "./encoder.ts";

export class CborEncoder implements TelemetryEncoder {
  get bag(): string {
    return "$.ct=application%2Fcbor";
  }

  get isTimed(): boolean {
    return false;
  }

  add(sample: Sample): Uint8Array {
    return encodeCbor(sample);
  }

  flush(): undefined {
    return undefined;
  }

  nextDeadlineMs(): number {
    return Infinity;
  }
}
