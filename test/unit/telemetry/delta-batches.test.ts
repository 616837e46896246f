// Encoders that share their work space give the bytes that they would give alone.
import { expect, test } from "vitest";
import { decodeCbor } from "../../../firmware/codec/cbor-decode.ts";
import { decodeBatch } from "../../../firmware/codec/delta/decoder.ts";
import type { Channel } from "../../../firmware/telemetry/batcher.ts";
import { DeltaBatches } from "../../../firmware/telemetry/delta-batches.ts";
import { seeded } from "../../support/seeded.ts";

function channels(...names: string[]): Channel[] {
  return names.map((name) => ({ name, spec: { type: "double" } }));
}

test.each(["static", "adaptive"] as const)(
  "%s: batches of three encoders in turn, resized in between",
  (profile) => {
    const random = seeded(`companions ${profile}`);
    const groups = [channels("a"), channels("b", "c", "d"), channels("e", "f")];
    const options = { profile, blockBytes: 300, rowsMax: 24 };
    const [first, ...others] = groups.map((own) => ({ ...options, channels: own }));
    const companion = new DeltaBatches(first!);
    const shared = [companion, ...others.map((one) => new DeltaBatches({ ...one, companion }))];
    const alone = groups.map((own) => new DeltaBatches({ ...options, channels: own }));
    let batches = 0;
    for (let i = 0; i < 1500; i++) {
      const at = random.int(3);
      const sample = Object.fromEntries(
        groups[at]!.map(({ name }) => [name, random.int(1000) / (random.chance(0.01) ? 7 : 10)]),
      );
      if (random.chance(0.004)) {
        const blockBytes = 100 + random.int(400);
        for (const one of [...shared, ...alone]) one.resize(blockBytes, false);
      }
      const bytes = shared[at]!.add(sample, i);
      expect(bytes).toEqual(alone[at]!.add(sample, i));
      if (bytes) batches++;
      if (random.chance(0.02)) expect(shared[at]!.flush()).toEqual(alone[at]!.flush());
      expect([shared[at]!.waiting, shared[at]!.gone]).toEqual([
        alone[at]!.waiting,
        alone[at]!.gone,
      ]);
    }
    expect(batches).toBeGreaterThan(30);
  },
);

test("an object that readers cannot take is refused when it is recorded; rows beside it decode", () => {
  const wide: Channel[] = [
    { name: "wave", spec: { type: "array", items: { type: "integer" } } as never },
  ];
  const encoder = new DeltaBatches({ channels: wide, blockBytes: 60_000 });
  encoder.add({ wave: [1, 2] }, 1);
  expect(() => encoder.add({ wave: new Array(5000).fill(1) }, 2)).toThrow(
    expect.objectContaining({ code: "limit", message: expect.stringContaining("4096 values") }),
  );
  encoder.add({ wave: [3] }, 3);
  const { times, channels: columns } = decodeBatch(encoder.flush()!, { decodeObject: decodeCbor });
  expect([[...times], columns]).toEqual([[1, 3], [[[1, 2], [3]]]]);
});
