// Trains the start weights of the delta codec: `npm run build && node build/host-tools/telemetry/train.js [--check]`.
// Counts the symbols in batches of test/data/telemetry/*.csv and writes firmware/codec/delta/priors-table.ts.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { BodyReader } from "../../firmware/codec/delta/body-reader.ts";
import { DeltaEncoder, type DeltaEncoderOptions } from "../../firmware/codec/delta/encoder.ts";
import { readHeader } from "../../firmware/codec/delta/header.ts";
import * as layout from "../../firmware/codec/delta/layout.ts";
import { RangeDecoder } from "../../firmware/codec/delta/range-decoder.ts";
import type { Table } from "./csv.ts";
import { packPriors, priorsSource } from "./priors.ts";
import { readSets, variantsOf } from "./training-sets.ts";

/** Batch sizes that the start weights are made for. */
const BATCH_ROWS = [32, 128, 512];
const ROUNDS = 4;

class CountingDecoder extends RangeDecoder {
  readonly counts = new Float64Array(layout.MODEL_SIZE);

  override symbol(base: number): number {
    const symbol = super.symbol(base);
    const slot = base + symbol + 1;
    this.counts[slot] = this.counts[slot]! + 1;
    return symbol;
  }
}

function add(sum: Float64Array, counts: Float64Array, factor = 1): void {
  for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + factor * counts[i]!;
}

/** Adds the symbols per byte of one set: every set weighs the same in the logarithm of sizes. */
function countSymbols(table: Table, priors: string, sum: Float64Array): void {
  for (const rows of BATCH_ROWS) {
    const part = new Float64Array(layout.MODEL_SIZE);
    let bytes = 0;
    for (let start = 0; start + rows <= table.rows.length; start += rows) {
      const batch = encodeRows(table, start, rows, { profile: "static", priors });
      bytes += batch.length;
      const header = readHeader(batch);
      const coder = new CountingDecoder(batch, header, batch.length, priors);
      new BodyReader(coder, header, {}).read();
      add(part, coder.counts);
    }
    if (bytes > 0) add(sum, part, 1 / bytes);
  }
}

/** One standalone batch of `rows` rows, by an encoder that knows nothing from before. */
export function encodeRows(
  table: Table,
  start: number,
  rows: number,
  options: Partial<DeltaEncoderOptions>,
): Uint8Array {
  const encoder = new DeltaEncoder({
    channels: table.names.map((name) => ({ name })),
    profile: "adaptive",
    tick: table.tick,
    rowsMax: rows,
    bytesMax: 250_000,
    ...options,
  });
  for (let i = start; i < start + rows; i++) encoder.record(table.times[i]!, table.rows[i]!);
  return encoder.take().bytes;
}

/**
 * Small symbols are likelier, cache hits are rare: a cache then joins where it pays most. From this side the
 * rounds end 1 % better than from even weights.
 */
function firstGuess(): Float64Array {
  const counts = new Float64Array(layout.MODEL_SIZE);
  for (let i = 0; i < layout.PLAIN_TABLES; i++) {
    const base = i * (layout.PLAIN + 1);
    const isCache = base >= layout.T_CACHE && base < layout.T_CACHE_FAR;
    for (let s = 0; s < layout.PLAIN; s++)
      counts[base + 1 + s] = (isCache && s > 0 ? 0.05 : 1) * 0.7 ** s;
  }
  for (let i = 0; i < layout.RESIDUAL_TABLES; i++) {
    const decay = 0.3 + 0.035 * (i % layout.RESIDUAL_TABLES);
    for (let s = 0; s < layout.RESIDUAL; s++)
      counts[layout.T_RESIDUAL + i * layout.RESIDUAL_STEP + 1 + s] =
        decay ** (2 * Math.abs(s - layout.ZERO));
  }
  return counts;
}

/** Start weights for `tables`. Choices of the encoder depend on the weights, so it goes in rounds from a first guess. */
export function train(tables: readonly Table[], rounds = ROUNDS): string {
  const variants = tables.flatMap(variantsOf);
  let priors = packPriors(firstGuess());
  for (let round = 0; round < rounds; round++) {
    const counts = new Float64Array(layout.MODEL_SIZE);
    for (const table of variants) countSymbols(table, priors, counts);
    priors = packPriors(counts);
  }
  return priors;
}

/** Writes the table, or with `--check` compares it with the committed one. */
function main(args: readonly string[]): number {
  // This file runs compiled, from build/.
  const path = (name: string): string =>
    fileURLToPath(new URL(`../../../${name}`, import.meta.url));
  const output = path("firmware/codec/delta/priors-table.ts");
  const source = priorsSource(train([...readSets(path("test/data/telemetry")).values()]));
  if (!args.includes("--check")) {
    writeFileSync(output, source);
    return 0;
  }
  const isSame = readFileSync(output, "utf8") === source;
  process.stderr.write(isSame ? "the same weights\n" : `${output} differs: train again\n`);
  return isSame ? 0 : 1;
}

if (process.argv[1]?.endsWith("train.js")) process.exitCode = main(process.argv.slice(2));
