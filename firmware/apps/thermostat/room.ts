/** A room with a heater: loses heat to the recorded weather, gains it from the heater. First-order model. */
import { charactersPerValue, hoursPerDay, outdoorDays } from "./sensor-table.ts";

/** Time in which the unheated room comes 63 % closer to the outdoor temperature. */
const lossS = 4 * 3600;
/** How far full heating keeps the room above the outdoor temperature in the end. */
const heaterReachC = 35;
const secondsPerHour = 3600;

function recorded(hour: number): number {
  const day = outdoorDays[Math.floor(hour / hoursPerDay) % outdoorDays.length] ?? "";
  const at = (hour % hoursPerDay) * charactersPerValue;
  return Number(day.slice(at, at + charactersPerValue)) / 10;
}

/** The recorded outdoor temperature `seconds` into the recording, which repeats; between hours it is interpolated. */
export function outdoorTemperature(seconds: number): number {
  const hour = Math.floor(seconds / secondsPerHour);
  const share = seconds / secondsPerHour - hour;
  return recorded(hour) * (1 - share) + recorded(hour + 1) * share;
}

export class Room {
  temperature = 15;
  outdoor = outdoorTemperature(0);
  private seconds = 0;

  /** Lets `seconds` pass with the heater at `duty` (0 to 1). */
  step(duty: number, seconds: number): void {
    this.seconds += seconds;
    this.outdoor = outdoorTemperature(this.seconds);
    const equilibrium = this.outdoor + duty * heaterReachC;
    this.temperature += (equilibrium - this.temperature) * Math.min(1, seconds / lossS);
  }
}
