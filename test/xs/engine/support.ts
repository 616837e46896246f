// Boards for tests: a recording host in virtual time.

import { Board, type BoardOptions } from "../../../host-tools/engine/board.ts";
import type { BoardHost, BoardLogLevel } from "../../../host-tools/engine/board-types.ts";
import type { Engine } from "../../../host-tools/engine/build.ts";
import { compileModules } from "../../../host-tools/engine/bytecode.ts";
import { ensureEngine } from "../../../host-tools/engine/ensure.ts";

export const engine: Engine = await ensureEngine();

interface TestTimer {
  atMs: number;
  repeatMs: number;
}

/** Time stands still unless `run` moves it; random numbers count up from the seed. */
export class TestHost implements BoardHost {
  nowMs = 0;
  seed = 1;
  lines: string[] = [];
  timers = new Map<number, TestTimer>();
  calls: { operation: number; bytes: Uint8Array }[] = [];
  answer: (operation: number, bytes: Uint8Array) => Uint8Array | undefined = () => undefined;

  now(): number {
    return this.nowMs;
  }

  random(): number {
    this.seed = (Math.imul(this.seed, 1_664_525) + 1_013_904_223) >>> 0;
    return this.seed;
  }

  log(level: BoardLogLevel, text: string): void {
    if (level !== "debug") this.lines.push(text);
  }

  startTimer(id: number, delayMs: number, repeatMs: number): void {
    this.timers.set(id, { atMs: this.nowMs + delayMs, repeatMs });
  }

  stopTimer(id: number): void {
    this.timers.delete(id);
  }

  call(operation: number, bytes: Uint8Array): Uint8Array | undefined {
    this.calls.push({ operation, bytes });
    return this.answer(operation, bytes);
  }

  saveState(): unknown {
    return structuredClone({ nowMs: this.nowMs, seed: this.seed, timers: this.timers });
  }

  loadState(state: unknown): void {
    Object.assign(this, structuredClone(state));
  }

  /** Fires what is due until `untilMs`, in order of time and id. */
  run(board: Board, untilMs: number): void {
    for (;;) {
      const due = [...this.timers].filter(([, timer]) => timer.atMs <= untilMs);
      due.sort(([idA, a], [idB, b]) => a.atMs - b.atMs || idA - idB);
      const [next] = due;
      if (!next) break;
      const [id, timer] = next;
      this.nowMs = timer.atMs;
      if (timer.repeatMs > 0) timer.atMs += timer.repeatMs;
      else this.timers.delete(id);
      board.fireTimer(id);
    }
    this.nowMs = untilMs;
  }
}

export interface TestBoard {
  board: Board;
  host: TestHost;
}

/** A board whose main module is `source`; other modules by specifier. It has been started. */
export function start(
  source: string,
  options: Partial<BoardOptions> & { sources?: Record<string, string> } = {},
): TestBoard {
  const { sources = {}, ...boardOptions } = options;
  const all = { main: source, ...sources };
  const modules = compileModules(
    engine,
    Object.entries(all).map(([specifier, text]) => ({ specifier, source: text })),
  );
  const host = new TestHost();
  const board = Board.create(engine, { modules, host, ...boardOptions });
  board.start("main");
  return { board, host };
}

/** Values that a module traces, one per line. */
export function traced(source: string, options?: Parameters<typeof start>[1]): string[] {
  const { board, host } = start(source, options);
  if (board.status.state === "aborted") throw new Error(JSON.stringify(board.status));
  return host.lines;
}
