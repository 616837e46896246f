// Times of a batch as a series of their differences (firmware/SPEC.md §5).
// biome-ignore-all lint/suspicious/noAssignInExpressions: the interpreter need not load an assigned value again
import { gcd } from "./fit.ts";
import { NARROW_BITS } from "./layout.ts";
import type { Series } from "./series.ts";

const NARROW_SQUARE = 4 ** (NARROW_BITS - 1);
/** Steps and differences of two steps are not larger: they are exact. */
const FAR = Number.MAX_SAFE_INTEGER;

/**
 * Puts the differences of the first `rows` times into `series`; returns a common divisor of them, 0 if there are none.
 * A negative result, and the series void: only so many rows less than 0 are close enough to be one batch.
 */
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
  if (i > last && Math.abs(first) <= FAR) series.repeat(first, last);
  else {
    scratch.fill(first, 0, --i);
    time = times[i]!;
    step = first;
    while (step * step < NARROW_SQUARE && i < last) time += scratch[i] = step = times[++i]! - time;
    if (i === last && step * step < NARROW_SQUARE) series.adopt(scratch, 0, last);
    else {
      const near = loadFarTimes(series, times, rows);
      if (near < rows) return -near;
    }
  }
  return gcd(series.first, series.isConstant ? 0 : series.divisor);
}

/** Returns the rows before the first step that is too far; without one, all, and the series is loaded. */
function loadFarTimes(series: Series, times: Float64Array, rows: number): number {
  const { wide } = series;
  let least = 0;
  let most = 0;
  for (let i = 1; i < rows; ++i) {
    const step = times[i]! - times[i - 1]!;
    wide[i - 1] = step;
    least = Math.min(least, step);
    most = Math.max(most, step);
    if (most - least > FAR) return i;
  }
  series.reduce(rows - 1, least, most);
  return rows;
}
