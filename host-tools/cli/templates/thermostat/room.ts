// Stands in for the sensor and the heater: replace it by yours. Pure, so tests need no device.

/** Degrees above and below the target within which the heater is left as it is. */
const hysteresisC = 0.3;
const outdoorC = 8;
const heaterC = 30;
/** Share of the difference to the surroundings that a second closes. */
const ratePerS = 0.002;

/** Whether to heat: on below the target, off above it, unchanged in between. */
export function shouldHeat(temperature: number, target: number, isHeating: boolean): boolean {
  if (temperature < target - hysteresisC) return true;
  if (temperature > target + hysteresisC) return false;
  return isHeating;
}

export class Room {
  temperature = 17;

  /** Lets time pass. */
  step(isHeating: boolean, seconds: number): void {
    const surroundings = outdoorC + (isHeating ? heaterC : 0);
    this.temperature += (surroundings - this.temperature) * Math.min(1, ratePerS * seconds);
  }
}
