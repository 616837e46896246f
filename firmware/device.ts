/** The one entry an author needs: `createDevice(model, platform, { desired, commands, … })`. */
import { DeviceRuntime } from "./device/runtime.ts";
import type { Device, DeviceOptions } from "./device/types.ts";
import type { Model } from "./model/types.ts";
import type { Platform } from "./ports/platform.ts";

/**
 * Makes a device of a model. It does nothing until `start`.
 * Names and types of telemetry, properties and commands follow from the model; mistakes do not compile.
 * @throws GodwitError `argument` for connection options outside their range
 */
export function createDevice<M extends Model>(
  model: M,
  platform: Platform,
  options: DeviceOptions<M>,
): Device<M> {
  const runtime = new DeviceRuntime(model, platform, options as DeviceOptions<Model>);
  return runtime as unknown as Device<M>;
}
