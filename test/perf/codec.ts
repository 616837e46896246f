// npm run perf -- codec: bytes per row, ratios, cost and memory of the delta codec.
import { type LeftOut, measureLeftOut, missedLeftOut } from "./codec-left-out.ts";
import { measureMemory, meterDelta, meterLeb128 } from "./codec-meter.ts";
import {
  type BatchRows,
  baselines,
  batchRows,
  bytesPerRow,
  floors,
  geometricMean,
  meanOf,
  measureSets,
  missedSizes,
  type Profile,
  profiles,
  sets,
  stretch,
} from "./codec-sizes.ts";

/** Meter units per value that the profiles may cost in the mean over the sets. */
const METER_MAX: Record<Profile, number> = { static: 200, adaptive: 500 };

type Encoder = Profile | "leb128";
type Meters = Record<string, Record<Encoder | "recording" | "first", number>>;

export interface CodecFigures {
  bytesPerRow: Record<BatchRows, Record<Profile, number>>;
  perSet: Record<string, Record<BatchRows, Record<Profile, number>>>;
  /** Sizes in proportion to the stretch goals: 1 or less is reached. */
  stretch: Record<BatchRows, Record<Profile, number>>;
  /** One encoder for all batches of a set, as on a device. */
  kept: Record<Profile, number>;
  /** Times smaller than other methods, adaptive, geometric mean. */
  ratios: Record<BatchRows, Record<string, number>>;
  leaveOneOut: LeftOut;
  /**
   * Fit, choice of predictors and coding. Of `record()` that is all beyond `meterRecording`: the test whether a
   * value is on its grid, and the rounding.
   */
  meterPerValue: Record<Encoder, number>;
  /** Storing rows as doubles and no more, measured apart: the same for all. */
  meterRecording: Record<Encoder, number>;
  /** Both. */
  meterTotal: Record<Encoder, number>;
  /** The most that one set costs. */
  meterWorst: Record<Profile, { set: string; perValue: number }>;
  meterPerSet: Meters;
  ramBytes: Record<Profile, { state: number; peak: number }>;
  flashBytes: number;
  /** Goals that were not reached; empty when all is well. */
  missed: string[];
}

/** An object with what `make` gives for each batch size. */
function byRows<T>(make: (rows: BatchRows) => T): Record<BatchRows, T> {
  return { 32: make(32), 128: make(128), 512: make(512) };
}

function byProfile<T>(make: (profile: Profile) => T): Record<Profile, T> {
  return { adaptive: make("adaptive"), static: make("static") };
}

async function measureMeters(): Promise<Meters> {
  const perSet: Meters = {};
  for (const [name, table] of sets) {
    const fixed = await meterDelta(table, "static");
    const adaptive = await meterDelta(table, "adaptive");
    const { recording, coding } = await meterLeb128(table);
    perSet[name] = {
      adaptive: adaptive.total - recording,
      static: fixed.total - recording,
      leb128: coding,
      recording,
      first: fixed.first - recording,
    };
  }
  return perSet;
}

function meanMeter(meters: Meters, key: Encoder | "recording"): number {
  const all = Object.values(meters).map((set) => set[key]);
  return all.reduce((sum, units) => sum + units, 0) / all.length;
}

function worstMeter(meters: Meters, profile: Profile): { set: string; perValue: number } {
  return Object.entries(meters)
    .map(([set, units]) => ({ set, perValue: units[profile] }))
    .reduce((worst, one) => (one.perValue > worst.perValue ? one : worst));
}

function missedMeters(meters: Record<Profile, number>): string[] {
  return profiles
    .filter((profile) => !(meters[profile] <= METER_MAX[profile]))
    .map(
      (profile) =>
        `${profile}: ${meters[profile].toFixed(0)} units per value, at most ${METER_MAX[profile]}`,
    );
}

/** The encoder whose cost is metered is one that is kept: its bytes have to meet the floor, too. */
function missedKept(kept: Record<Profile, number>): string[] {
  return profiles
    .filter((profile) => !(kept[profile] <= floors[profile][128]))
    .map((profile) => `${profile}, kept: ${kept[profile].toFixed(3)} over ${floors[profile][128]}`);
}

export async function run(): Promise<CodecFigures> {
  const sizes = byRows(measureSets);
  const means = byRows((rows) => byProfile((profile) => meanOf(sizes[rows], profile)));
  const leaveOneOut = measureLeftOut(sizes);
  const meterPerSet = await measureMeters();
  const meterPerValue = {
    ...byProfile((profile) => meanMeter(meterPerSet, profile)),
    leb128: meanMeter(meterPerSet, "leb128"),
  };
  const recording = meanMeter(meterPerSet, "recording");
  const meterTotal = {
    adaptive: meterPerValue.adaptive + recording,
    static: meterPerValue.static + recording,
    leb128: meterPerValue.leb128 + recording,
  };
  const kept = byProfile((profile) =>
    geometricMean([...sets.values()].map((t) => bytesPerRow(t, profile, 128, { isKept: true }))),
  );
  const adaptive = await measureMemory("adaptive");
  const fixed = await measureMemory("static");
  return {
    bytesPerRow: means,
    perSet: Object.fromEntries(
      [...sets.keys()].map((name) => [name, byRows((rows) => sizes[rows][name]!)]),
    ),
    stretch: byRows((rows) =>
      byProfile((profile) => means[rows][profile] / stretch[profile][rows]),
    ),
    kept,
    ratios: byRows((rows) =>
      Object.fromEntries(
        Object.entries(baselines.geometric_mean![rows]!).map(([method, size]) => [
          method,
          size / means[rows].adaptive,
        ]),
      ),
    ),
    leaveOneOut,
    meterPerValue,
    meterRecording: { adaptive: recording, static: recording, leb128: recording },
    meterTotal,
    meterWorst: byProfile((profile) => worstMeter(meterPerSet, profile)),
    meterPerSet,
    ramBytes: {
      adaptive: { state: adaptive.state, peak: adaptive.peak },
      static: { state: fixed.state, peak: fixed.peak },
    },
    flashBytes: fixed.code,
    missed: [
      ...batchRows.flatMap((rows) => missedSizes(sizes[rows], rows)),
      ...missedLeftOut(leaveOneOut),
      ...missedMeters(meterPerValue),
      ...missedKept(kept),
    ],
  };
}

function line(name: string, cells: readonly (number | string)[]): string {
  const text = cells.map((cell) => (typeof cell === "number" ? cell.toFixed(2) : cell).padStart(9));
  return name.padEnd(24) + text.join("");
}

/** The figures as tables. */
export function print(figures: object): string {
  const f = figures as CodecFigures;
  const columns = batchRows.flatMap((rows) => profiles.map((profile) => ({ rows, profile })));
  const row = (name: string, cell: (rows: BatchRows, profile: Profile) => number | string) =>
    line(
      name,
      columns.map(({ rows, profile }) => cell(rows, profile)),
    );
  return [
    row("bytes per row", (rows, profile) => `${profile[0]!.toUpperCase()} ${rows}`),
    ...Object.entries(f.perSet).map(([name, set]) => row(name, (n, profile) => set[n][profile])),
    row("geometric mean", (n, profile) => f.bytesPerRow[n][profile]),
    row("of the stretch goal", (n, profile) => f.stretch[n][profile]),
    row("leave one set out", (n, profile) => f.leaveOneOut[n][profile].bytesPerRow),
    row("  times the normal", (n, profile) => f.leaveOneOut[n][profile].growth.toFixed(4)),
    line("one encoder kept", ["", "", f.kept.adaptive, f.kept.static]),
    "",
    line("times smaller than", batchRows.map(String)),
    ...Object.keys(f.ratios[128]).map((method) =>
      line(
        method,
        batchRows.map((rows) => f.ratios[rows][method]!),
      ),
    ),
    "",
    line("units per value", ["A", "S", "LEB128", "first S", "recording"]),
    ...Object.entries(f.meterPerSet).map(([name, set]) =>
      line(name, [set.adaptive, set.static, set.leb128, set.first, set.recording]),
    ),
    line("mean", [f.meterPerValue.adaptive, f.meterPerValue.static, f.meterPerValue.leb128]),
    line("  with recording", [f.meterTotal.adaptive, f.meterTotal.static, f.meterTotal.leb128]),
    line("worst set", [f.meterWorst.adaptive.perValue, f.meterWorst.static.perValue]),
    "",
    line("bytes (10 ch, 128 rows)", ["A", "S"]),
    line("RAM, kept", [f.ramBytes.adaptive.state, f.ramBytes.static.state].map(String)),
    line("RAM, peak", [f.ramBytes.adaptive.peak, f.ramBytes.static.peak].map(String)),
    line("flash (bytecode)", [String(f.flashBytes)]),
  ].join("\n");
}
