// From an address on the command line to a port that can be opened.
import { nativeSource } from "./native.ts";
import type { PortSource } from "./port.ts";
import { isRfc2217Address, rfc2217Source } from "./rfc2217.ts";

/** A path (`/dev/ttyUSB0`, `COM3`) or `rfc2217://host:port`. @throws DeviceError `bad-input` */
export function portSource(address: string): PortSource {
  return isRfc2217Address(address) ? rfc2217Source(address) : nativeSource(address);
}
