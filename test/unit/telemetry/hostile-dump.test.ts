// Dumps of events that are damaged or forged: rows or a typed error, the same however the bytes come.
import { expect, test } from "vitest";
import { formatTable } from "../../../host-tools/telemetry/row-table.ts";
import { UserError } from "../../../host-tools/user-error.ts";
import { type Seeded, seeded } from "../../support/seeded.ts";
import { type DecodedDump, decodeDump, EPOCH_MS, tankEvent } from "../../support/telemetry-dump.ts";

const others: readonly object[] = [
  {
    body: { level: 1.5, text: 'a "quoted" {brace} \\ and ü' },
    systemProperties: { contentType: "application/json", "iothub-connection-device-id": "a" },
    enqueuedTimeUtc: "2026-01-01T00:00:00Z",
  },
  {
    bodyBase64: "oWF4Ag==",
    systemProperties: { "content-type": "application/cbor" },
    annotations: { "iothub-connection-device-id": "b", "x-opt-enqueued-time": EPOCH_MS },
  },
  {
    Body: "eyJ4IjoxfQ==",
    SystemProperties: { connectionDeviceId: "c", contentEncoding: "utf-8" },
    Properties: { b: "1", n: "2" },
  },
  { body: { type: "Buffer", data: [123, 125] }, deviceId: "d", contentType: "application/json" },
];

const oddValues: readonly unknown[] = [
  ...[null, true, 0, -1, 1e308, "", "x", "\u0000", [], {}, [[]], { data: [1] }],
  ...["9".repeat(400), "=".repeat(5), { type: "Buffer", data: ["x", -5, 1e9] }],
  JSON.parse(`${"[".repeat(300)}${"]".repeat(300)}`),
];

/** The event with some of its fields replaced, removed or repeated a level further down. */
function forged(random: Seeded, event: object): object {
  const copy = structuredClone(event) as Record<string, unknown>;
  const places = [copy, ...Object.values(copy).filter((value) => typeof value === "object")];
  for (let i = random.int(3); i >= 0; i--) {
    const place = random.pick(places) as Record<string, unknown> | null;
    const name = place && random.pick([...Object.keys(place), "body", "deviceId", "__proto__"]);
    if (!place || name === null) continue;
    if (random.chance(0.3)) delete place[name];
    else
      Object.defineProperty(place, name, {
        ...{ value: random.pick(oddValues), enumerable: true, configurable: true, writable: true },
      });
  }
  return copy;
}

function events(random: Seeded, count: number): string[] {
  return Array.from({ length: count }, (_, i) => {
    const event = random.chance(0.5)
      ? tankEvent(i, random.chance(0.3) ? { epochMs: EPOCH_MS } : {})
      : random.pick(others);
    return JSON.stringify(random.chance(0.4) ? forged(random, event) : event);
  });
}

function mutated(random: Seeded, dump: Buffer): Buffer {
  const bytes = Buffer.from(dump);
  for (let i = random.int(4); i > 0; i--) {
    const at = random.int(bytes.length);
    if (random.chance(0.5)) bytes[at]! ^= 1 << random.int(8);
    else bytes[at] = random.pick([0, 0x22, 0x5c, 0x7b, 0x7d, 0x5b, 0x2c, 255, random.int(256)]);
  }
  const end = random.chance(0.2) ? random.int(bytes.length + 1) : bytes.length;
  const from = random.chance(0.1) ? random.int(bytes.length) : 0;
  return bytes.subarray(from, Math.max(from, end));
}

/** What a run has given, as text: rows, what was damaged, what ended it. */
function transcript({ rows, damaged, end, report }: DecodedDump): string {
  const text = new TextDecoder().decode(formatTable(rows, "jsonl"));
  return JSON.stringify([text, damaged.map(({ message }) => message), end?.message, report]);
}

test("400 damaged or forged dumps", async () => {
  const random = seeded("hostile dump");
  const seen = { rows: 0, damaged: 0, ended: 0, whole: 0 };
  for (let run = 0; run < 400; run++) {
    const separator = random.pick(["\n", ",", "", " \r\n"]);
    const dump = mutated(random, Buffer.from(events(random, 1 + random.int(4)).join(separator)));
    const whole = await decodeDump(dump);
    for (const error of [...whole.damaged, ...(whole.end ? [whole.end] : [])]) {
      expect(error, dump.toString("base64")).toBeInstanceOf(UserError);
      expect(error.message).toMatch(/^dump\.json: byte \d+: /);
    }
    formatTable(whole.rows, "csv");
    formatTable(whole.rows, "parquet");
    if (run % 4 === 0) {
      const pieces = await decodeDump(dump, 1 + random.int(20));
      expect(transcript(pieces), dump.toString("base64")).toBe(transcript(whole));
    }
    seen.rows += whole.rows.length;
    seen.damaged += whole.damaged.length;
    if (whole.end) seen.ended++;
    else if (whole.damaged.length === 0) seen.whole++;
  }
  // Every outcome must occur, or the mutations test nothing.
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(10);
});

test("whatever follows them, rows of whole events stay", async () => {
  const random = seeded("hostile dump tails");
  for (let run = 0; run < 100; run++) {
    const good = [tankEvent(1), tankEvent(2)].map((event) => JSON.stringify(event)).join("\n");
    const bad = mutated(random, Buffer.from(events(random, 2).join("\n")));
    const { rows } = await decodeDump(Buffer.concat([Buffer.from(`${good}\n`), bad]));
    expect(rows.slice(0, 4).map(({ values }) => values.level)).toEqual([1.5, 1.25, 2.5, 2.25]);
  }
});

test("a body of our batcher without a CRC is damaged; of others it is a batch", async () => {
  const event = tankEvent(1);
  const bytes = Buffer.from(event.bodyBase64, "base64");
  // The second byte holds the flags; bit 1 is the CRC's.
  bytes[1]! &= ~2;
  event.bodyBase64 = bytes.subarray(0, -4).toString("base64");
  const { rows, damaged } = await decodeDump(JSON.stringify(event));
  expect(rows).toEqual([]);
  expect(damaged[0]?.message).toContain("no CRC");
  event.properties = {};
  expect((await decodeDump(JSON.stringify(event))).rows).toHaveLength(2);
});

test("a body nested deeper than any stack is damaged, and the next event decodes", async () => {
  const nested = `{"deviceId":"a","body":{"x":${"[".repeat(200_000)}${"]".repeat(200_000)}}}`;
  const { rows, damaged, end } = await decodeDump(`${nested}\n${JSON.stringify(tankEvent(1))}`);
  expect(end).toBeUndefined();
  expect(damaged[0]?.message).toMatch(/^dump\.json: byte 0: .*more than 64 levels/);
  expect(rows).toHaveLength(2);
});
