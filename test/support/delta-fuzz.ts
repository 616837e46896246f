// Mutations of delta batches: whatever comes in, the decoder answers with rows or with its own error, within bounds.
import { CELLS_MAX } from "../../firmware/codec/delta/layout.ts";
import { GodwitError } from "../../firmware/codec/error.ts";
import { decode, encodeRows, randomRows } from "./delta-batches.ts";
import type { Seeded } from "./seeded.ts";

/** Batches to mutate: small, of all kinds, both profiles. */
export function fuzzCorpus(random: Seeded, size: number): Uint8Array[] {
  return Array.from({ length: size }, () =>
    encodeRows(randomRows(random, 1 + random.int(24), 1 + random.int(4)), {
      profile: random.pick(["static", "adaptive"] as const),
    }),
  );
}

function mutate(random: Seeded, batch: Uint8Array): Uint8Array {
  if (random.chance(0.05)) return random.bytes(random.int(60));
  const bytes = batch.slice(0, random.chance(0.2) ? random.int(batch.length + 1) : batch.length);
  const changes = random.int(4);
  for (let i = 0; i < changes && bytes.length > 0; i++) {
    const at = random.int(bytes.length);
    if (random.chance(0.5)) bytes[at]! ^= 1 << random.int(8);
    else bytes[at] = random.pick([0, 255, 127, 128, random.int(256)]);
  }
  return bytes;
}

export interface FuzzFigures {
  decoded: number;
  refused: number;
}

/** Decodes `count` mutated batches. @throws Error with the input in hex if anything but GodwitError comes out */
export function fuzz(random: Seeded, corpus: readonly Uint8Array[], count: number): FuzzFigures {
  const figures: FuzzFigures = { decoded: 0, refused: 0 };
  for (let i = 0; i < count; i++) {
    const bytes = mutate(random, random.pick(corpus));
    // Many rows of nothing are legal and slow: they are left to a test of their own.
    if (bytes.length > 1 && bytes.length < 16 && bytes[1]! > 220) continue;
    try {
      const { channels, times } = decode(bytes);
      if (channels.length * times.length > CELLS_MAX) throw new Error("unbounded");
      figures.decoded++;
    } catch (error) {
      if (!(error instanceof GodwitError))
        throw new Error(`input ${Buffer.from(bytes).toString("hex")}`, { cause: error });
      figures.refused++;
    }
  }
  return figures;
}
