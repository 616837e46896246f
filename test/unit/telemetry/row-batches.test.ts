// Rows of JSON and CBOR: no block is exceeded, no row is lost, whatever their sizes.
import { decode } from "cbor-x";
import { expect, test } from "vitest";
import { decodeCbor } from "../../../firmware/codec/cbor-decode.ts";
import type { Channel } from "../../../firmware/telemetry/batcher.ts";
import { cborRows } from "../../../firmware/telemetry/cbor-rows.ts";
import { jsonRows } from "../../../firmware/telemetry/json-rows.ts";
import { seeded } from "../../support/seeded.ts";

const channels: Channel[] = [
  { name: "value", spec: { type: "double" } },
  { name: "text", spec: { type: "string" } },
];

test.each([
  ["JSON", jsonRows(), (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes))],
  ["CBOR", cborRows(), (bytes: Uint8Array) => decode(bytes)],
] as const)("%s: blocks of any size hold all rows that fit, in order", (name, encoding, read) => {
  const random = seeded(`${name} rows`);
  for (let run = 0; run < 20; run++) {
    const blockBytes = 64 + random.int(600);
    const encoder = encoding(channels, blockBytes, undefined);
    const sent: object[] = [];
    const bodies: Uint8Array[] = [];
    let refused = 0;
    for (let i = 0; i < 80; i++) {
      const values = { value: random.int(1e6) / 100, text: "ä€x".repeat(random.int(30)) };
      try {
        const body = encoder.add(values, i + 0.7, undefined);
        sent.push({ _t: i, ...values });
        if (body) bodies.push(body);
      } catch (error) {
        expect(error).toMatchObject({
          code: "limit",
          message: expect.stringMatching(/does not fit/),
        });
        refused++;
      }
      const waiting = encoder.waiting ?? 0;
      expect((encoder.gone ?? 0) + waiting).toBe(sent.length);
      expect(encoder.waitingSinceMs?.()).toBe(
        waiting ? (sent.at(-waiting) as { _t: number })._t : Infinity,
      );
    }
    const rest = encoder.flush();
    if (rest) bodies.push(rest);
    expect(encoder.flush()).toBeUndefined();
    for (const body of bodies) expect(body.length).toBeLessThanOrEqual(blockBytes);
    expect(bodies.flatMap((body) => read(body))).toEqual(sent);
    expect(sent.length + refused).toBe(80);
  }
});

test("a message holds no more than its readers take", () => {
  const one = [{ name: "n", spec: { type: "integer" } } as const];
  const encoder = cborRows()(one, 65_536, undefined);
  let rows = 0;
  for (let i = 0; i < 3000; i++) {
    const body = encoder.add({ n: 1 }, i, undefined);
    if (body) rows += (decodeCbor(body) as unknown[]).length;
  }
  rows += (decodeCbor(encoder.flush()!) as unknown[]).length;
  expect(rows).toBe(3000);
});

test("a block too small for one row of the channels is refused, with the size that it needs", () => {
  const wide = Array.from(
    { length: 12 },
    (_, i): Channel => ({ name: `channel${i}`, spec: { type: "double" } }),
  );
  for (const encoding of [jsonRows(), cborRows()]) {
    expect(() => encoding(wide, 100, undefined)).toThrow(
      expect.objectContaining({ code: "limit", message: expect.stringMatching(/at least 190/) }),
    );
    expect(() => encoding(wide, 400, undefined).resize?.(100, true)).toThrow(/at least 190/);
  }
});

test("large blocks of small nested values stay within what readers accept", () => {
  const wide: Channel[] = [
    { name: "wave", spec: { type: "array", items: { type: "integer" } } as never },
  ];
  const encoder = cborRows()(wide, 16_384, undefined);
  const wave = Array.from({ length: 60 }, (_, i) => i % 20);
  const bodies: Uint8Array[] = [];
  for (let i = 0; i < 200; i++) {
    const body = encoder.add({ wave }, i, undefined);
    if (body) bodies.push(body);
  }
  bodies.push(encoder.flush()!);
  const rows = bodies.flatMap((body) => decodeCbor(body) as object[]);
  expect(rows).toEqual(Array.from({ length: 200 }, (_, i) => ({ _t: i, wave })));
  // No block is closed long before its bound either.
  expect(bodies.length).toBe(Math.ceil((200 * 65) / 4000));
  expect(() => encoder.add({ wave: new Array(5000).fill(1) }, 300, undefined)).toThrow(
    expect.objectContaining({ code: "limit", message: expect.stringMatching(/5005 values.*4000/) }),
  );
  expect(encoder.waiting).toBe(0);
});
