// Trains the start weights of the delta codec: `node build/host-tools/telemetry/train.js <folder> <output>`.
// Reads every CSV set of the folder, counts the symbols of its batches, and writes firmware/codec/delta/priors-table.ts.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { BodyReader } from "../../firmware/codec/delta/body-reader.ts";
import { DeltaEncoder, type DeltaEncoderOptions } from "../../firmware/codec/delta/encoder.ts";
import { readHeader } from "../../firmware/codec/delta/header.ts";
import * as layout from "../../firmware/codec/delta/layout.ts";
import { RangeDecoder } from "../../firmware/codec/delta/range-decoder.ts";
import { parseCsv, type Table } from "./csv.ts";

/** Batch sizes that the start weights are made for. */
const BATCH_ROWS = [32, 128, 512];
const ROUNDS = 6;
/** Share of a table that is spread evenly: descriptions of channels must fit data never seen here. */
const PLAIN_SHARE = 0.02;
const RESIDUAL_SHARE = 0.003;

class CountingDecoder extends RangeDecoder {
  readonly counts = new Float64Array(layout.MODEL_SIZE);

  override symbol(base: number): number {
    const symbol = super.symbol(base);
    const slot = base + symbol + 1;
    this.counts[slot] = this.counts[slot]! + 1;
    return symbol;
  }
}

/** Symbol counts of one set, divided by its size: every set weighs the same in the logarithm of sizes. */
export function countSymbols(table: Table, priors: string): Float64Array {
  const counts = new Float64Array(layout.MODEL_SIZE);
  for (const rows of BATCH_ROWS) {
    const part = new Float64Array(layout.MODEL_SIZE);
    let bytes = 0;
    for (let start = 0; start + rows <= table.rows.length; start += rows) {
      const batch = encodeRows(table, start, rows, { profile: "static", priors });
      bytes += batch.length;
      const header = readHeader(batch);
      const coder = new CountingDecoder(batch, header, batch.length, priors);
      new BodyReader(coder, header, {}).read();
      for (let i = 0; i < part.length; i++) part[i] = part[i]! + coder.counts[i]!;
    }
    for (let i = 0; i < part.length; i++) counts[i] = counts[i]! + part[i]! / bytes;
  }
  return counts;
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

/** Symbols that can occur in the table at `base`. */
function possible(base: number): (symbol: number) => boolean {
  if (base >= layout.T_RESIDUAL) return () => true;
  if (base === layout.T_KIND) return (s) => s <= layout.BLOB || s === layout.SAME;
  if (base === layout.T_FLAGS) return (s) => s < 8;
  if (base === layout.T_PLAN || base === layout.T_TIME_PLAN) return (s) => s <= layout.CONSTANT;
  return () => true;
}

/** One character per weight, as model.ts reads them. */
export function packPriors(counts: Float64Array): string {
  const levels = [0, 4];
  while (levels.length < 94) levels.push(levels.at(-1)! + (levels.at(-1)! >> 3) + 1);
  let text = "";
  const pack = (base: number, size: number): void => {
    const can = possible(base);
    const share = base < layout.T_RESIDUAL ? PLAIN_SHARE : RESIDUAL_SHARE;
    let sum = 0;
    let largest = 0;
    const symbols = Array.from({ length: size }, (_, s) => s).filter(can);
    for (const s of symbols) sum += counts[base + 1 + s]!;
    const weights = new Float64Array(size);
    for (const s of symbols) {
      const even = 1 / symbols.length;
      weights[s] = sum > 0 ? (counts[base + 1 + s]! / sum) * (1 - share) + share * even : even;
      largest = Math.max(largest, weights[s]!);
    }
    for (let s = 0; s < size; s++) {
      if (!can(s)) text += " ";
      else
        text += String.fromCharCode(32 + nearest(levels, (weights[s]! / largest) * levels.at(-1)!));
    }
  };
  for (let i = 0; i < layout.PLAIN_TABLES; i++) pack(i * (layout.PLAIN + 1), layout.PLAIN);
  for (let i = 0; i < layout.RESIDUAL_TABLES; i++)
    pack(layout.T_RESIDUAL + i * layout.RESIDUAL_STEP, layout.RESIDUAL);
  return text;
}

/** Index (at least 1) of the level nearest to `weight` by ratio. */
function nearest(levels: readonly number[], weight: number): number {
  let at = 1;
  while (at < levels.length - 1 && levels[at + 1]! * levels[at]! < weight * weight) at++;
  return at;
}

/** Source text of priors-table.ts. */
export function priorsSource(text: string): string {
  const lines = text.match(/.{1,80}/g) ?? [];
  return [
    "// Trained start weights of the delta codec, one character each. Written by",
    "// `node build/host-tools/telemetry/train.js test/data/telemetry firmware/codec/delta/priors-table.ts`.",
    "export const PRIORS =",
    `${lines.map((line) => `  ${JSON.stringify(line)}`).join(" +\n")};`,
    "",
  ].join("\n");
}

/** Sum of the counts of several sets. */
export function addCounts(all: readonly Float64Array[]): Float64Array {
  const sum = new Float64Array(layout.MODEL_SIZE);
  for (const counts of all) for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + counts[i]!;
  return sum;
}

/** The CSV sets of a folder by name. */
export function readSets(folder: string): Map<string, Table> {
  const files = readdirSync(folder).filter((file) => file.endsWith(".csv"));
  return new Map(
    files
      .sort()
      .map((file) => [basename(file, ".csv"), parseCsv(readFileSync(join(folder, file), "utf8"))]),
  );
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
    const decay = 0.3 + 0.035 * (i % layout.CLASS_TABLES);
    for (let s = 0; s < layout.RESIDUAL; s++)
      counts[layout.T_RESIDUAL + i * layout.RESIDUAL_STEP + 1 + s] =
        decay ** (2 * Math.abs(s - layout.ZERO));
  }
  return counts;
}

/** Start weights for `tables`. Choices of the encoder depend on the weights, so it goes in rounds from a first guess. */
export function train(tables: readonly Table[], rounds = ROUNDS): string {
  let priors = packPriors(firstGuess());
  for (let round = 0; round < rounds; round++)
    priors = packPriors(addCounts(tables.map((table) => countSymbols(table, priors))));
  return priors;
}

const [, script, folder, output] = process.argv;
if (script?.endsWith("train.js") && folder && output)
  writeFileSync(output, priorsSource(train([...readSets(folder).values()])));
