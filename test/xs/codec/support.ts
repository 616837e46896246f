// Boards that run the delta encoder over recorded sets.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { compileApp } from "../../../host-tools/engine/app.ts";
import { Board } from "../../../host-tools/engine/board.ts";
import { compileModules } from "../../../host-tools/engine/bytecode.ts";
import { ensureEngine } from "../../../host-tools/engine/ensure.ts";
import { parseCsv } from "../../../host-tools/telemetry/csv.ts";
import type { Recording } from "./app/main.ts";

/** Rows from `from` on of a recorded set. */
export function recording(set: string, count: number, from = 0): Recording {
  const file = new URL(`../../data/telemetry/${set}.csv`, import.meta.url);
  const { names, tick, times, rows } = parseCsv(readFileSync(file, "utf8"));
  const end = from + count;
  const cells = rows.slice(from, end) as Recording["rows"];
  return { names, tick, times: [...times.slice(from, end)], rows: cells };
}

function literal({ names, tick, times, rows }: Recording): string {
  const cells = rows.map((row) => `[${row.map(String).join()}]`).join(",\n");
  return `{ names: ${JSON.stringify(names)}, tick: "${tick}", times: [${times.join()}], rows: [${cells}] }`;
}

export interface BoardRun {
  /** What the module traced, without empty lines. */
  lines: string[];
  /** Meter before each line. */
  meters: number[];
  /** Slots and chunks in use at the end, garbage collected. */
  heapBytes: number;
}

/** Runs `source` on a board; in it stand `run` and `createEncoder` of the app, and `recordings`. */
export async function runOnBoard(
  recordings: readonly Recording[],
  source: string,
): Promise<BoardRun> {
  const engine = await ensureEngine();
  const folder = fileURLToPath(new URL("app", import.meta.url));
  const app = await compileApp(engine, folder, { link: false });
  const head = `import { createEncoder, run } from "${app.main}";
const recordings = [${recordings.map(literal).join(",\n")}];
`;
  const bench = compileModules(engine, [{ specifier: "bench", source: head + source }]);
  const lines: string[] = [];
  const meters: number[] = [];
  const board = Board.create(engine, {
    modules: new Map([...app.modules, ...bench]),
    turnCodesMax: 0,
    heap: { chunkBytes: 8_000_000, slots: 400_000, stackSlots: 4000, keys: 2000 },
    host: {
      now: () => 0,
      random: () => 1,
      log: (_, text) => {
        for (const line of text.split("\n"))
          if (line !== "") {
            meters.push(board.meter);
            lines.push(line);
          }
      },
      startTimer: () => undefined,
      stopTimer: () => undefined,
      call: () => undefined,
    },
  });
  board.load([...app.modules.keys()]);
  const status = board.start("bench");
  if (status.state !== "running") throw new Error(`${JSON.stringify(status)}\n${lines.join("\n")}`);
  board.collectGarbage();
  return { lines, meters, heapBytes: board.heap().running.bytes };
}
