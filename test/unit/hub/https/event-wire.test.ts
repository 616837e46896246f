// Events as JSON: what a body says is either said exactly or handed on as it is.

import { expect, test } from "vitest";
import { encodeCbor } from "../../../../firmware/codec/cbor.ts";
import type { CborValue } from "../../../../firmware/codec/cbor-value.ts";
import type { HubEvent } from "../../../../host-tools/hub/core/event.ts";
import { eventJson } from "../../../../host-tools/hub/https/event-wire.ts";
import { decodeDump } from "../../../support/telemetry-dump.ts";

function event(body: unknown): HubEvent {
  return {
    ...{ sequenceNumber: 1, partition: 0, enqueuedMs: 0, source: "Telemetry" as const },
    origin: { deviceId: "a", generationId: "", authMethod: "" },
    body: encodeCbor(body as CborValue),
    systemProperties: { "content-type": "application/cbor" },
    properties: {},
  };
}

test("CBOR that JSON can say is an object; NaN, bytes and the like stay what they are, to the row", async () => {
  const plain = { a: 1, b: [true, null, { c: "x" }], d: -1.5 };
  expect(eventJson(event(plain)).body).toEqual(plain);
  const odd = [Number.NaN, Infinity, -0, Uint8Array.of(1, 2), [Number.NaN], { deep: Number.NaN }];
  for (const x of odd) {
    const line = eventJson(event({ x }));
    expect(line.body).toBeUndefined();
    const { rows, damaged } = await decodeDump(JSON.stringify(line));
    expect(damaged).toEqual([]);
    expect(rows[0]?.values).toEqual({ x });
  }
});
