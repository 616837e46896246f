/** Fails before it has begun. */
import { createPlatform } from "godwit/platform/board";

function measure(sensor: { read(): number } | undefined): number {
  if (!sensor) throw new TypeError("no sensor");
  return sensor.read();
}

createPlatform().log("info", `first value ${measure(undefined)}`);
