// Cost of the delta encoder on the XS engine, in the engine's meter units: record, fit, choice of plan and coding.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Board } from "../../host-tools/engine/board.ts";
import type { BoardHost } from "../../host-tools/engine/board-types.ts";
import type { Engine } from "../../host-tools/engine/build.ts";
import { compileModule } from "../../host-tools/engine/bytecode.ts";
import { ensureEngine } from "../../host-tools/engine/ensure.ts";
import type { Table } from "../../host-tools/telemetry/csv.ts";
import { Leb128Encoder } from "./leb128.ts";

const built = fileURLToPath(new URL("../..", import.meta.url));

/** Bytecode of a compiled module and of all it imports, by path below the build folder. */
function reach(engine: Engine, path: string, modules: Map<string, Uint8Array>): void {
  const specifier = path.replace(/\.js$/, "");
  if (modules.has(specifier)) return;
  modules.set(specifier, new Uint8Array());
  const source = readFileSync(join(built, path), "utf8").replace(
    /from "(\.[^"]+)"/g,
    (_, target: string) => {
      const file = join(dirname(path), target);
      reach(engine, file, modules);
      return `from "${file.replace(/\.js$/, "")}"`;
    },
  );
  modules.set(specifier, compileModule(engine, { specifier, source, file: path }));
}

/** Meter units between two marks of one run. */
export interface Marks {
  /** Units by mark, added up over all batches. */
  units: Record<string, number>;
  /** Bytes of XS heap that the run holds at its end, beside loaded code, and at its peak. */
  heapBytes: number;
  heapPeakBytes: number;
  codeBytes: number;
}

/** Runs a module that calls `trace("<mark>")` after each stretch of work and `trace("")` before the first. */
export async function runMarks(source: string, imports: readonly string[]): Promise<Marks> {
  const engine = await ensureEngine();
  const modules = new Map<string, Uint8Array>();
  for (const path of imports) reach(engine, path, modules);
  let codeBytes = 0;
  for (const bytes of modules.values()) codeBytes += bytes.length;
  modules.set("bench", compileModule(engine, { specifier: "bench", source }));
  const units: Record<string, number> = {};
  let before = 0;
  const host: BoardHost = {
    now: () => 0,
    random: () => 1,
    log: (level, text) => {
      if (level === "error") throw new Error(text);
      const meter = board.meter;
      const mark = text.trim();
      if (mark !== "") units[mark] = (units[mark] ?? 0) + ((meter - before) >>> 0);
      before = meter;
    },
    startTimer: () => undefined,
    stopTimer: () => undefined,
    call: () => undefined,
  };
  const board = Board.create(engine, {
    modules,
    host,
    turnCodesMax: 0,
    heap: { chunkBytes: 8_000_000, slots: 400_000, stackSlots: 4000, keys: 2000 },
  });
  board.load([...modules.keys()].filter((name) => name !== "bench"));
  const status = board.start("bench");
  if (status.state !== "running") throw new Error(`${status.reason}: ${status.message}`);
  const heapPeakBytes = board.heap().running.bytesPeak;
  board.collectGarbage();
  return { units, heapBytes: board.heap().running.bytes, heapPeakBytes, codeBytes };
}

const ENCODER = "firmware/codec/delta/encoder";
const LEB128 = "test/perf/leb128";

function literal(table: Table, rows: number): string {
  const cell = (value: unknown): string => (value === undefined ? "null" : String(value));
  return table.rows
    .slice(0, rows)
    .map((row, i) => `[${table.times[i]},[${row.map(cell).join()}]]`)
    .join(",\n");
}

/** Units per value; a time stamp is a value as any other, an empty cell is none. */
export interface MeterFigures {
  record: number;
  encode: number;
  total: number;
  /** The first batch, in which the encoder finds grids and predictors. */
  first: number;
}

const BATCH_ROWS = 128;
/** A first batch to learn from and sixteen more: one period of the encoder's surveys. */
const BATCHES = 17;

function span(table: Table): { rows: number; values: number; firstValues: number } {
  const rows = Math.min(BATCHES, Math.floor(table.rows.length / BATCH_ROWS)) * BATCH_ROWS;
  const count = (from: number, to: number): number =>
    table.rows
      .slice(from, to)
      .reduce((sum, row) => sum + 1 + row.filter((value) => value !== undefined).length, 0);
  return { rows, values: count(BATCH_ROWS, rows), firstValues: count(0, BATCH_ROWS) };
}

/** Cost of a long-lived delta encoder, from the second batch on. */
export async function meterDelta(
  table: Table,
  profile: "static" | "adaptive",
  extra: object = {},
): Promise<MeterFigures> {
  const { rows, values, firstValues } = span(table);
  const options = {
    channels: table.names.map((name) => ({ name })),
    profile,
    tick: table.tick,
    rowsMax: BATCH_ROWS,
    bytesMax: 60_000,
    ...extra,
  };
  const { units } = await runMarks(
    `import { DeltaEncoder } from "${ENCODER}";
const rows = [${literal(table, rows)}];
const encoder = new DeltaEncoder(${JSON.stringify(options)});
trace("\\n");
for (let i = 0; i < rows.length;) {
  const isFirst = i === 0;
  for (const end = i + ${BATCH_ROWS}; i < end; i++) encoder.record(rows[i][0], rows[i][1]);
  trace(isFirst ? "first\\n" : "record\\n");
  encoder.take();
  trace(isFirst ? "first\\n" : "encode\\n");
}`,
    [`${ENCODER}.js`],
  );
  const { record = 0, encode = 0, first = 0 } = units;
  return {
    record: record / values,
    encode: encode / values,
    total: (record + encode) / values,
    first: first / firstValues,
  };
}

/** Units per value of storing rows and doing no more, and of the LEB128 encoder over what was stored. */
export async function meterLeb128(table: Table): Promise<{ recording: number; coding: number }> {
  const { rows, values } = span(table);
  const decimals = table.names.map((_, c) =>
    Math.min(
      9,
      Math.max(...table.rows.map((row) => String(row[c] ?? "").split(".")[1]?.length ?? 0)),
    ),
  );
  const { units } = await runMarks(
    `import { ${Leb128Encoder.name} } from "${LEB128}";
const rows = [${literal(table, rows)}];
const encoder = new ${Leb128Encoder.name}(${JSON.stringify(decimals)}, ${BATCH_ROWS});
trace("\\n");
for (let i = 0; i < rows.length;) {
  const isFirst = i === 0;
  for (const end = i + ${BATCH_ROWS}; i < end; i++) encoder.record(rows[i][0], rows[i][1]);
  trace(isFirst ? "first\\n" : "record\\n");
  encoder.encode();
  trace(isFirst ? "first\\n" : "encode\\n");
}`,
    [`${LEB128}.js`],
  );
  return { recording: (units.record ?? 0) / values, coding: (units.encode ?? 0) / values };
}

/** Bytes of XS heap (slots and chunks) of an encoder with 10 channels and 128 rows, and of its bytecode. */
export async function measureMemory(
  profile: "static" | "adaptive",
): Promise<{ state: number; peak: number; code: number }> {
  const names = Array.from({ length: 10 }, (_, i) => ({ name: `c${i}` }));
  const options = { channels: names, profile, tick: "ms", rowsMax: BATCH_ROWS, bytesMax: 4096 };
  const { heapBytes, heapPeakBytes, codeBytes } = await runMarks(
    `import { DeltaEncoder } from "${ENCODER}";
const encoder = new DeltaEncoder(${JSON.stringify(options)});
globalThis.keep = encoder;
for (let batch = 0; batch < 2; batch++) {
  for (let i = 0; i < ${BATCH_ROWS}; i++)
    encoder.record(i * 1000, [i, i / 10, -i, i * i, i % 7, 0, i / 100, 1, i & 1, 5 - i]);
  encoder.take();
}`,
    [`${ENCODER}.js`],
  );
  return { state: heapBytes, peak: heapPeakBytes, code: codeBytes };
}
