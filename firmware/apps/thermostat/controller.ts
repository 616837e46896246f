/** Proportional-integral control of a heater whose duty is limited to 0…1, without wind-up at the limits. */

/** Duty per degree of error. */
const gain = 0.5;
/** Time in which the integral repeats what the proportional part does. */
const resetS = 3600;

export class Controller {
  target = 20;
  duty = 0;
  private integral = 0;

  /** Sets the duty for the next `seconds` from the temperature measured now. */
  update(temperature: number, seconds: number): void {
    const error = this.target - temperature;
    const integral = this.integral + (error * gain * seconds) / resetS;
    const duty = error * gain + integral;
    // The integral stands still while it would push further into a limit.
    if ((duty > 0 || error > 0) && (duty < 1 || error < 0)) this.integral = integral;
    this.duty = Math.min(1, Math.max(0, duty));
  }
}
