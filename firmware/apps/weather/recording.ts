/** The recorded weather, hour by hour; it repeats. */
import {
  charactersPerValue,
  hoursPerText,
  recordedHours,
  valuesPerHour,
} from "./recording-table.ts";

const hours = recordedHours.length * hoursPerText;

/** Value number `column` of an hour in the unit of its last digit, undefined where nothing was measured. */
export function recorded(hour: number, column: number): number | undefined {
  const index = hour % hours;
  const text = recordedHours[Math.floor(index / hoursPerText)]!;
  const at = ((index % hoursPerText) * valuesPerHour + column) * charactersPerValue;
  const cell = text.slice(at, at + charactersPerValue).trim();
  return cell === "" ? undefined : Number(cell);
}

/** The same, a tenth of the unit per digit. */
export function recordedTenths(hour: number, column: number): number | undefined {
  const value = recorded(hour, column);
  return value === undefined ? undefined : value / 10;
}
