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
  /** Bytes of XS heap at the peak, beside loaded code. */
  heapBytes: number;
  codeBytes: number;
}

/** Runs a module that calls `trace("<mark>")` after each stretch of work and `trace("")` before the first. */
async function runMarks(source: string, imports: readonly string[]): Promise<Marks> {
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
  return { units, heapBytes: board.heap().running.bytesPeak, codeBytes };
}

const ENCODER = "firmware/codec/delta/encoder.js";

function literal(table: Table, rows: number): string {
  const cell = (value: unknown): string => (value === undefined ? "null" : String(value));
  return table.rows
    .slice(0, rows)
    .map((row, i) => `[${table.times[i]},[${row.map(cell).join()}]]`)
    .join(",\n");
}

/** Units per value (rows x channels; the time's cost is in it) over `batches` batches of `rows` rows. */
export async function meterEncoder(
  table: Table,
  profile: "static" | "adaptive",
  rows: number,
  batches: number,
  extra: object = {},
): Promise<Record<string, number>> {
  const count = Math.min(batches, Math.floor(table.rows.length / rows)) * rows;
  const options = {
    channels: table.names.map((name) => ({ name })),
    profile,
    tick: table.tick,
    rowsMax: rows,
    bytesMax: 60_000,
    ...extra,
  };
  const marks = await runMarks(
    `import { DeltaEncoder } from "${ENCODER.replace(".js", "")}";
const rows = [${literal(table, count)}];
const encoder = new DeltaEncoder(${JSON.stringify(options)});
trace("\\n");
for (let i = 0; i < rows.length;) {
  for (const end = i + ${rows}; i < end; i++) encoder.record(rows[i][0], rows[i][1]);
  trace("record\\n");
  encoder.take();
  trace(i === ${rows} ? "first\\n" : "encode\\n");
}`,
    [ENCODER],
  );
  const values = count * table.names.length;
  return Object.fromEntries(
    Object.entries(marks.units).map(([mark, units]) => [mark, units / values]),
  );
}
