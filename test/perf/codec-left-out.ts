// Are the start weights made for these nine recordings only? Sizes of each with weights that never saw it.
import { train } from "../../host-tools/telemetry/train.ts";
import {
  type BatchRows,
  batchRows,
  bytesPerRow,
  meanOf,
  type Profile,
  profiles,
  type SetSizes,
  sets,
} from "./codec-sizes.ts";

/** Growth of the geometric mean that is allowed when a set is coded with weights trained on the other eight. */
const GROWTH_MAX = 1.03;

export type LeftOut = Record<BatchRows, Record<Profile, { bytesPerRow: number; growth: number }>>;

/** Geometric means with weights trained without the set, and what they are in proportion to `sizes`. */
export function measureLeftOut(sizes: Record<BatchRows, SetSizes>): LeftOut {
  const without: Record<BatchRows, SetSizes> = { 32: {}, 128: {}, 512: {} };
  for (const [name, table] of sets) {
    const priors = train([...sets].filter(([other]) => other !== name).map(([, t]) => t));
    for (const rows of batchRows)
      without[rows][name] = {
        adaptive: bytesPerRow(table, "adaptive", rows, { priors }),
        static: bytesPerRow(table, "static", rows, { priors }),
      };
  }
  const figures = (rows: BatchRows, profile: Profile) => {
    const mean = meanOf(without[rows], profile);
    return { bytesPerRow: mean, growth: mean / meanOf(sizes[rows], profile) };
  };
  const pair = (rows: BatchRows) => ({
    adaptive: figures(rows, "adaptive"),
    static: figures(rows, "static"),
  });
  return { 32: pair(32), 128: pair(128), 512: pair(512) };
}

/** Goals that are missed, in words. */
export function missedLeftOut(leftOut: LeftOut): string[] {
  return batchRows.flatMap((rows) =>
    profiles
      .filter((profile) => !(leftOut[rows][profile].growth <= GROWTH_MAX))
      .map(
        (profile) =>
          `${profile}, ${rows} rows with weights of other sets: ${leftOut[rows][profile].growth.toFixed(3)} times as large`,
      ),
  );
}
