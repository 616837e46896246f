// npm run perf -- codec: bytes per row, ratios, cost and memory of the delta codec.
import { train } from "../../host-tools/telemetry/train.ts";
import { measureMemory, meterDelta, meterLeb128 } from "./codec-meter.ts";
import {
  type BatchRows,
  baselines,
  batchRows,
  bytesPerRow,
  floors,
  geometricMean,
  type Profile,
  profiles,
  sets,
} from "./codec-sizes.ts";

/** Meter units per value that the profiles may cost in the mean over the sets. */
const METER_MAX: Record<Profile, number> = { static: 200, adaptive: 500 };
/** Growth of the geometric mean when a set is coded with weights trained on the other eight. */
const LEFT_OUT_MAX = 1.03;

type Sizes = Record<string, Record<number, Record<Profile, number>>>;

export interface CodecFigures {
  bytesPerRow: Record<number, Record<Profile, number>>;
  perSet: Sizes;
  /** One encoder for all batches of a set, as on a device. */
  kept: Record<Profile, number>;
  /** Times smaller than other methods, adaptive, geometric mean. */
  ratios: Record<number, Record<string, number>>;
  leaveOneOut: Record<Profile, number>;
  meterPerValue: Record<Profile | "leb128", number>;
  meterPerSet: Record<string, Record<Profile | "leb128" | "first", number>>;
  ramBytes: Record<Profile, { state: number; peak: number }>;
  flashBytes: number;
  /** Targets that were not reached; empty when all is well. */
  missed: string[];
}

function measureSizes(): Sizes {
  const sizes: Sizes = {};
  for (const [name, table] of sets)
    sizes[name] = Object.fromEntries(
      batchRows.map((rows) => [
        rows,
        {
          adaptive: bytesPerRow(table, "adaptive", rows),
          static: bytesPerRow(table, "static", rows),
        },
      ]),
    );
  return sizes;
}

function meanOf(sizes: Sizes, rows: number, profile: Profile): number {
  return geometricMean(Object.values(sizes).map((set) => set[rows]![profile]));
}

/** Sets and methods that are not larger than ours. */
function beaten(sizes: Sizes): string[] {
  const found: string[] = [];
  for (const [name, set] of Object.entries(sizes))
    for (const rows of batchRows)
      for (const profile of profiles)
        for (const [method, size] of Object.entries(baselines[name]![rows]!)) {
          const cell = `${name} ${rows} ${method} ${profile}`;
          if (method.startsWith("reference")) continue;
          if (set[rows]![profile] >= size) found.push(`${cell}: not smaller`);
        }
  return found;
}

/** Geometric mean at 128 rows, every set coded with start weights that never saw it. */
function leaveOneOut(profile: Profile, priorsWithout: ReadonlyMap<string, string>): number {
  return geometricMean(
    [...sets].map(([name, table]) =>
      bytesPerRow(table, profile, 128, { priors: priorsWithout.get(name)! }),
    ),
  );
}

async function measureMeter(): Promise<CodecFigures["meterPerSet"]> {
  const perSet: CodecFigures["meterPerSet"] = {};
  for (const [name, table] of sets) {
    const fixed = await meterDelta(table, "static");
    const adaptive = await meterDelta(table, "adaptive");
    const leb128 = await meterLeb128(table);
    perSet[name] = { static: fixed.total, adaptive: adaptive.total, leb128, first: fixed.first };
  }
  return perSet;
}

export async function run(): Promise<CodecFigures> {
  const perSet = measureSizes();
  const missed = beaten(perSet);
  const means: CodecFigures["bytesPerRow"] = {};
  const ratios: CodecFigures["ratios"] = {};
  for (const rows of batchRows) {
    const mean = {
      adaptive: meanOf(perSet, rows, "adaptive"),
      static: meanOf(perSet, rows, "static"),
    };
    means[rows] = mean;
    ratios[rows] = Object.fromEntries(
      Object.entries(baselines.geometric_mean![rows]!).map(([method, size]) => [
        method,
        size / mean.adaptive,
      ]),
    );
    for (const profile of profiles) {
      const floor = floors[profile][rows as BatchRows];
      if (mean[profile] > floor)
        missed.push(`${profile} at ${rows} rows: ${mean[profile].toFixed(3)}, floor ${floor}`);
    }
  }
  const kept = (profile: Profile): number =>
    geometricMean([...sets.values()].map((t) => bytesPerRow(t, profile, 128, { isKept: true })));
  const priorsWithout = new Map(
    [...sets.keys()].map((name) => [
      name,
      train([...sets].filter(([other]) => other !== name).map(([, t]) => t)),
    ]),
  );
  const leftOut = {
    adaptive: leaveOneOut("adaptive", priorsWithout),
    static: leaveOneOut("static", priorsWithout),
  };
  const meterPerSet = await measureMeter();
  const meterMean = (key: Profile | "leb128"): number => {
    const all = Object.values(meterPerSet).map((set) => set[key]);
    return all.reduce((sum, units) => sum + units, 0) / all.length;
  };
  const meterPerValue = {
    adaptive: meterMean("adaptive"),
    static: meterMean("static"),
    leb128: meterMean("leb128"),
  };
  for (const profile of profiles) {
    if (leftOut[profile] > LEFT_OUT_MAX * means[128]![profile])
      missed.push(`${profile} with weights of other sets: ${leftOut[profile].toFixed(3)}`);
    if (meterPerValue[profile] > METER_MAX[profile])
      missed.push(
        `${profile}: ${meterPerValue[profile].toFixed(0)} units per value, at most ${METER_MAX[profile]}`,
      );
  }
  const memory = {
    adaptive: await measureMemory("adaptive"),
    static: await measureMemory("static"),
  };
  const ram = ({ state, peak }: { state: number; peak: number }) => ({ state, peak });
  return {
    bytesPerRow: means,
    perSet,
    kept: { adaptive: kept("adaptive"), static: kept("static") },
    ratios,
    leaveOneOut: leftOut,
    meterPerValue,
    meterPerSet,
    ramBytes: { adaptive: ram(memory.adaptive), static: ram(memory.static) },
    flashBytes: memory.static.code,
    missed,
  };
}

/** The figures as tables. */
export function print(figures: object): string {
  const f = figures as CodecFigures;
  const line = (name: string, cells: readonly (number | string)[]): string =>
    name.padEnd(24) +
    cells.map((cell) => (typeof cell === "number" ? cell.toFixed(2) : cell).padStart(9)).join("");
  const columns = batchRows.flatMap((rows) => profiles.map((profile) => ({ rows, profile })));
  const methods = Object.keys(f.ratios[128]!);
  return [
    line(
      "bytes per row",
      columns.map(({ rows, profile }) => `${profile[0]!.toUpperCase()} ${rows}`),
    ),
    ...Object.entries(f.perSet).map(([name, set]) =>
      line(
        name,
        columns.map(({ rows, profile }) => set[rows]![profile]),
      ),
    ),
    line(
      "geometric mean",
      columns.map(({ rows, profile }) => f.bytesPerRow[rows]![profile]),
    ),
    "",
    line("times smaller than", batchRows.map(String)),
    ...methods.map((method) =>
      line(
        method,
        batchRows.map((rows) => f.ratios[rows]![method]!),
      ),
    ),
    "",
    line("128 rows, geo. mean", ["A", "S"]),
    line("one encoder kept", [f.kept.adaptive, f.kept.static]),
    line("leave one set out", [f.leaveOneOut.adaptive, f.leaveOneOut.static]),
    "",
    line("units per value", ["A", "S", "LEB128", "first S"]),
    ...Object.entries(f.meterPerSet).map(([name, set]) =>
      line(name, [set.adaptive, set.static, set.leb128, set.first]),
    ),
    line("mean", [f.meterPerValue.adaptive, f.meterPerValue.static, f.meterPerValue.leb128]),
    "",
    line("bytes (10 ch, 128 rows)", ["A", "S"]),
    line("RAM, kept", [f.ramBytes.adaptive.state, f.ramBytes.static.state].map(String)),
    line("RAM, peak", [f.ramBytes.adaptive.peak, f.ramBytes.static.peak].map(String)),
    line("flash (bytecode)", [String(f.flashBytes)]),
    ...f.missed.map((what) => `MISSED ${what}`),
  ].join("\n");
}
