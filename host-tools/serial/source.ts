// From an address on the command line to a port that can be opened.
import { isDeviceError } from "./error.ts";
import { nativeSource } from "./native.ts";
import type { PortSource } from "./port.ts";
import { isRfc2217Address, rfc2217Source } from "./rfc2217.ts";

/** A path (`/dev/ttyUSB0`, `COM3`) or `rfc2217://host:port`. @throws DeviceError `bad-input` */
export function portSource(address: string): PortSource {
  return isRfc2217Address(address) ? rfc2217Source(address) : nativeSource(address);
}

/** Whether a board answers at `source`; a port that somebody else holds is there as well. */
export async function isThere(source: PortSource): Promise<boolean> {
  try {
    const port = await source.open(115_200, { onData: () => {}, onClose: () => {} });
    await port.close();
    return true;
  } catch (error) {
    if (!isDeviceError(error)) throw error;
    return error.code === "port-busy" || error.code === "no-permission";
  }
}
