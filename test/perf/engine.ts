// The engine's figures beside the reference's: codes per second, boards, snapshots, calls. Ratios travel, times do not.
import { Board } from "../../host-tools/engine/board.ts";
import { heapBaseline } from "../../host-tools/engine/board-image.ts";
import type { BoardHost } from "../../host-tools/engine/board-types.ts";
import type { Engine } from "../../host-tools/engine/build.ts";
import { compileModules } from "../../host-tools/engine/bytecode.ts";
import { ensureEngine } from "../../host-tools/engine/ensure.ts";
import { nativeRates } from "./native-engine.ts";

/**
 * XS 13.3 on Node 20 on another, faster machine of 2 shared cores. `native` is 32-bit gcc -O2 there: speeds of two
 * machines compare only as parts of it. The goal of 300 M codes/s was set on that machine.
 */
const reference = {
  loopWarm: 492,
  loopCold: 66,
  fibWarm: 298,
  jsonWarm: 51,
  throwWarm: 56,
  loopUnpatched: 22,
  native: { loop: 588, fib: 486 },
  loopGoal: 300,
  boardsPerSecond: 1449,
  snapshotMicros: 160,
  forkMicros: 407,
  callMicros: 0.44,
  deliverMicros: 0.38,
};

const benches: Record<string, string> = {
  loop: "let n = 0; for (let i = 0; i < 3_000_000; i++) n += i;",
  fib: "const fib = (n) => (n < 2 ? n : fib(n - 1) + fib(n - 2)); fib(24);",
  json: 'const o = { a: [1, 2, 3], b: { c: "text" }, d: 1.5 }; for (let i = 0; i < 3000; i++) JSON.parse(JSON.stringify(o));',
  throw: "for (let i = 0; i < 100_000; i++) try { throw i } catch {}",
};

type Rates = Record<string, number>;

class BenchHost implements BoardHost {
  timers: number[] = [];
  calls = 0;
  now = () => 0;
  random = () => 0;
  log = () => undefined;
  stopTimer = () => undefined;
  startTimer(id: number): void {
    this.timers.push(id);
  }
  call(): Uint8Array {
    this.calls++;
    return new Uint8Array(8);
  }
}

function board(engine: Engine, source: string): { board: Board; host: BenchHost } {
  const modules = compileModules(engine, [{ specifier: "main", source }]);
  const host = new BenchHost();
  const made = Board.create(engine, { modules, host, turnCodesMax: 0 });
  made.start("main");
  return { board: made, host };
}

/** Processor time: figures survive a busy machine (they include V8's own threads). */
function seconds(action: () => void): number {
  const start = process.cpuUsage();
  action();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1e6;
}

/** The middle of several runs: one shared machine gives outliers both ways. */
function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1] ?? 0;
}

function round(value: number): number {
  return Number(value.toPrecision(3));
}

/** Million codes per second: the first timed run of a fresh process (cold) and the median of later ones. */
function codeRates(engine: Engine): Record<string, { cold: number; warm: number; codes: number }> {
  const result: Record<string, { cold: number; warm: number; codes: number }> = {};
  for (const [name, body] of Object.entries(benches)) {
    const source = `import Timer from "timer"; Timer.repeat(() => { ${body} }, 1);`;
    const { board: made, host } = board(engine, source);
    const [id = 0] = host.timers;
    let codes = 0;
    const rates = Array.from({ length: 9 }, () => {
      const before = made.meter;
      const time = seconds(() => made.fireTimer(id));
      codes = made.meter - before;
      return codes / time / 1e6;
    });
    result[name] = { cold: round(rates[0] ?? 0), warm: round(median(rates.slice(3))), codes };
  }
  return result;
}

function lifeCosts(engine: Engine): Record<string, number> {
  const source = `import Timer from "timer"; class A { #n = 0; add() { return ++this.#n; } }
    const a = new A(); const m = new Map(); Timer.repeat(() => m.set(a.add() % 10, a), 100);
    Timer.repeat(() => a.add(), 1000);`;
  const boards: Board[] = [];
  const count = 100;
  const creation = seconds(() => {
    for (let i = 0; i < count; i++) boards.push(board(engine, source).board);
  });
  const [first] = boards;
  if (!first) throw new Error("no board");
  // Many rounds at once: the clock of processor time is coarse.
  const micros = (action: () => void, rounds: number) =>
    round((seconds(() => Array.from({ length: rounds }, action)) / rounds) * 1e6);
  const snapshot = first.snapshot();
  return {
    boardsPerSecond: round(count / creation),
    snapshotMicros: micros(() => first.snapshot(), 100),
    restoreInPlaceMicros: micros(() => first.restore(snapshot), 100),
    forkMicros: micros(() => first.fork(new BenchHost()), 100),
    snapshotBytes: snapshot.memory.length,
  };
}

/** One crossing from JavaScript to the host (a flash status request) and one event into JavaScript. */
function crossingCosts(engine: Engine): Record<string, number> {
  const rounds = 20_000;
  const { board: made, host } = board(
    engine,
    `import storage from "embedded:storage/key-value"; import Timer from "timer";
     const store = storage.open({ path: "a" });
     Timer.repeat(() => { for (let i = 0; i < ${rounds}; i++) store.read("k"); }, 1);`,
  );
  const [id = 0] = host.timers;
  const call = median(Array.from({ length: 5 }, () => seconds(() => made.fireTimer(id))));
  const event = new Uint8Array(64);
  const deliver = median(
    Array.from({ length: 5 }, () =>
      seconds(() => {
        for (let i = 0; i < rounds; i++) made.deliver(101, event);
      }),
    ),
  );
  return {
    keyValueReadMicros: round((call / rounds) * 1e6),
    deliverMicros: round((deliver / rounds) * 1e6),
  };
}

/** One JSON-able object; `reference` has the same figures as measured for the reference engine. */
export async function run(): Promise<object> {
  const start = performance.now();
  const engine = await ensureEngine();
  const cachedMs = performance.now() - start;
  const codes = codeRates(engine);
  const baseline = heapBaseline(engine);
  const native = await nativeRates(engine, benches);
  return {
    node: process.version,
    engineHash: engine.hash.slice(0, 12),
    modules: { boardBytes: engine.boardWasm.length, compilerBytes: engine.compilerWasm.length },
    ensureCachedMs: round(cachedMs),
    millionCodesPerSecond: codes,
    ...lifeCosts(engine),
    ...crossingCosts(engine),
    baseline: { slots: baseline.slots, chunkBytes: baseline.chunkBytes, keys: baseline.keys },
    ratioToReference: {
      loopCold: round((codes.loop?.cold ?? 0) / reference.loopCold),
      loopWarm: round((codes.loop?.warm ?? 0) / reference.loopWarm),
      fibWarm: round((codes.fib?.warm ?? 0) / reference.fibWarm),
      patchGain: round((codes.loop?.warm ?? 0) / reference.loopUnpatched),
    },
    ...againstNative(codes, native),
    reference,
  };
}

/** Parts of what the same sources do as machine code, here and on the reference's machine. */
function againstNative(codes: ReturnType<typeof codeRates>, native: Rates | string): object {
  if (typeof native === "string") return { native };
  const part = (warm: number, whole: number | undefined) => round(warm / (whole || Infinity));
  const names = ["loop", "fib"];
  const here = names.map((name) => [name, part(codes[name]?.warm ?? 0, native[name])] as const);
  const there = { loop: reference.loopWarm, fib: reference.fibWarm };
  return {
    native: Object.fromEntries(Object.entries(native).map(([name, rate]) => [name, round(rate)])),
    partOfNative: Object.fromEntries(here),
    partOfNativeReference: {
      loop: part(there.loop, reference.native.loop),
      fib: part(there.fib, reference.native.fib),
      loopGoal: part(reference.loopGoal, reference.native.loop),
    },
  };
}
