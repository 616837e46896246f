// Times of a batch as a series of their differences (firmware/SPEC.md §5).
// biome-ignore-all lint/suspicious/noAssignInExpressions: the interpreter need not load an assigned value again
import { gcd } from "./fit.ts";
import { NARROW_BITS } from "./layout.ts";
import type { Series } from "./series.ts";

const NARROW_SQUARE = 4 ** (NARROW_BITS - 1);

/** Puts the differences of the first `rows` times into `series`; returns a common divisor of them, 0 if there are none. */
export function loadTimes(series: Series, times: Float64Array, rows: number): number {
  if (rows < 2) return 0;
  const { scratch } = series;
  let time = times[0]!;
  const first = times[1]! - time;
  const last = rows - 1;
  let step = 0;
  let i = 0;
  // Mostly they are one and the same. What stands behind the last row does no harm.
  do time += first;
  while (times[++i] === time);
  if (i > last) series.repeat(first, last);
  else {
    scratch.fill(first, 0, --i);
    time = times[i]!;
    step = first;
    while (step * step < NARROW_SQUARE && i < last) time += scratch[i] = step = times[++i]! - time;
    if (i === last && step * step < NARROW_SQUARE) series.adopt(scratch, 0, last);
    else loadFarTimes(series, times, rows);
  }
  return gcd(series.first, series.isConstant ? 0 : series.divisor);
}

function loadFarTimes(series: Series, times: Float64Array, rows: number): void {
  const { wide } = series;
  let least = 0;
  let most = 0;
  for (let i = 1; i < rows; ++i) {
    const step = times[i]! - times[i - 1]!;
    wide[i - 1] = step;
    least = Math.min(least, step);
    most = Math.max(most, step);
  }
  series.reduce(rows - 1, least, most);
}
